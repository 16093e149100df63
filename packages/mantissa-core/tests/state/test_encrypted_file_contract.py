from collections.abc import Callable
from pathlib import Path

import pytest
from mantissa_core.state.encrypted_file import EncryptedFile
from mantissa_core.testing.secret_store import SecretStoreContract


def opened(folder: Path) -> EncryptedFile:
    return EncryptedFile(EncryptedFile.Config(path=folder / "secrets.json", key_file=folder / "secrets.key"))


class TestEncryptedFile(SecretStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> EncryptedFile:
        return opened(tmp_path)

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], EncryptedFile]:
        return lambda: opened(tmp_path)

# The commands of a developer's day. `just` lists them.
default:
    @just --list

# Run the main job
demo:
    uv run mantissa demo

# Run the tests
test *args:
    uv run pytest {{args}}

# A Trino server and the BigQuery emulator for the tests of rules as SQL, Azurite for those of Azure: install and start, or stop, status
engines command="start":
    uv run python engines/engines.py {{command}}

# Style, types and layers
check:
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports

# Mend what can be mended by a machine
fix:
    uv run ruff check --fix .
    uv run ruff format .

# Build every wheel and try them in an environment of their own
wheels:
    uv run python tests/wheels.py

# Measure; each prints a ratio against a reference in the same run
bench:
    uv run python benchmarks/ingest.py
    uv run python benchmarks/detect.py
    uv run python benchmarks/parse.py
    uv run python benchmarks/alerts.py

# Run the conformance kits of everything installed, record what they found, and write the table of sources
conformance *args:
    uv run pytest -q --conformance docs/conformance.json {{args}}
    uv run mantissa sources table --markdown --conformance docs/conformance.json > docs/sources.md

# Write the page about the fields that SigmaHQ's rules ask for; MANTISSA_TEST_DATA names the folder with sigmahq/rules
sigma-fields:
    cd "$MANTISSA_TEST_DATA/sigmahq/rules" && uv run --project {{justfile_directory()}} mantissa rules fields --markdown cloud identity application > {{justfile_directory()}}/docs/sources-sigma.md

# Two hours of live collection from every source at once, under faults and kills, in minutes
live *args:
    uv run python benchmarks/live.py {{args}}

# Compare evaluator, matcher and SQL on this many random pairs of a rule and an event
differential pairs="1000000":
    MANTISSA_PAIRS={{pairs}} uv run pytest -n0 -q -s packages/mantissa-core/tests/detect/sql/test_differential.py

# Everything that must hold before a change lands
ci:
    .ci/run

# Precision and recall of the redaction on the labelled set, and its speed
redaction *args:
    uv run python benchmarks/redaction.py {{args}}

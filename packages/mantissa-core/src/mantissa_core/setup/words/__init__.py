"""Routes in plain words: a small grammar that is read to the last word, or not at all.

``scan`` turns a sentence into items, ``clauses`` puts them together, ``destinations`` finds the sinks that are meant,
``understand`` makes sections of ``mantissa.toml`` of them, and ``explain`` says what sections mean. A word that is not
known, or an order that could mean two things, ends in :class:`.unclear.Unclear`: better no route than a wrong one.
"""

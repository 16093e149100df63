"""Correlations: what several matches together say.

.. code-block:: text

    parse.py ─ link.py ─▶ correlation.py       a document becomes data; its references become rules
    legacy.py                                  Sigma's former ``selection | count() by user > 5`` becomes two documents
    hits.py                                    the matches that a correlation is about, from the table ``signals``
    sliding.py  metrics.py  temporal.py        which of them complete it
    results.py                                 these as signals, with their evidence
    watermark.py  correlator.py                everything once, as new signals and time come in
"""

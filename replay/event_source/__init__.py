"""Between stream and function: records, filters, the mapping's parameters, delivery, destinations. See README.md.

    source = EventSource(EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON"}))     source.py, mapping.py
    run = deliver(source, records)                                                               virtual.py

No module here sleeps, reads a clock, draws chance that was not given, or does I/O (but for reading a case's file).
"""

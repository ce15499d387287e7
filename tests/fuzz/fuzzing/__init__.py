"""Targets for a fuzzer: functions of bytes that may end with nothing or with a `FullrankError`."""

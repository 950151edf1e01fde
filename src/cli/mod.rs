//! Arguments, one file per command, printing.

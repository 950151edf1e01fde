//! Columns to numbers to grid values, and back again.

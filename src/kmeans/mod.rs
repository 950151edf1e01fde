//! Seeding, Lloyd, empty clusters, restarts: host code, integers only.

//! The run folder: staging, manifest, commit, lock.

//! The engine on the host's own cores.

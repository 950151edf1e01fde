//! Playbooks, scoring a profile against a persona, matching names to clusters.

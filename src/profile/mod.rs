//! What each cluster looks like, in the user's units.

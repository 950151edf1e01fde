//! The result for people: Markdown and the terminal.

//! Reads Rust text just far enough to know which paths it names: comments and literals blanked, test items left out,
//! `use` trees spread out. Not a parser; what it cannot read it passes over.

/// A file of the repository: its path from the root, with `/`, and its text.
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

/// A path that code names, and the line it stands on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
}

/// The same text with comments, strings and character literals turned into blanks; lines stay where they are.
pub fn blank_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself where none begins.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = |i: usize| chars.get(i).copied().unwrap_or(' ');
    let inside_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if next(at + 1) == '/' => (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len()),
        '/' if next(at + 1) == '*' => {
            let (mut depth, mut i) = (0, at);
            while i < chars.len() {
                match (chars[i], next(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            i.min(chars.len())
        }
        '"' => string_end(chars, at + 1),
        'r' if !inside_word || next(at.wrapping_sub(1)) == 'b' => {
            let hashes = (at + 1..chars.len()).take_while(|&i| chars[i] == '#').count();
            if next(at + 1 + hashes) != '"' {
                return at;
            }
            let mut i = at + 2 + hashes;
            while i < chars.len() && !(chars[i] == '"' && (1..=hashes).all(|h| next(i + h) == '#')) {
                i += 1;
            }
            (i + 1 + hashes).min(chars.len())
        }
        '\'' if next(at + 1) == '\\' => {
            (at + 3..chars.len()).find(|&i| chars[i] == '\'').map_or(chars.len(), |i| i + 1)
        }
        '\'' if next(at + 2) == '\'' => at + 3,
        _ => at,
    }
}

fn string_end(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// Blanks every item under `#[cfg(test)]`: tests may use any room. Takes and gives blanked text. The names of modules
/// that are test files of their own (`#[cfg(test)] mod suite;`) are returned beside it.
pub fn blank_tests(code: &str) -> (String, Vec<String>) {
    let mut chars: Vec<char> = code.chars().collect();
    let mut modules = Vec::new();
    let marks: Vec<usize> = code.match_indices("#[cfg(test)]").map(|(i, _)| code[..i].chars().count()).collect();
    for start in marks {
        let (mut depth, mut end) = (0usize, start);
        while end < chars.len() {
            match chars[end] {
                '{' => depth += 1,
                '}' if depth <= 1 => break,
                '}' => depth -= 1,
                ';' if depth == 0 => break,
                _ => {}
            }
            end += 1;
        }
        let end = (end + 1).min(chars.len());
        let item: String = chars[start..end].iter().collect();
        let words: Vec<&str> = item.split_whitespace().collect();
        if let Some(at) = words.iter().position(|&w| w == "mod")
            && let Some(name) = words.get(at + 1).and_then(|w| w.strip_suffix(';'))
        {
            modules.push(name.to_owned());
        }
        for c in &mut chars[start..end] {
            if *c != '\n' {
                *c = ' ';
            }
        }
    }
    (chars.into_iter().collect(), modules)
}

/// Words and the marks that matter to paths, with the line each stands on.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let start = at;
            if chars[at].is_alphanumeric() || chars[at] == '_' {
                while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
            } else if chars[at] == ':' && chars.get(at + 1) == Some(&':') {
                at += 2;
            } else {
                at += 1;
            }
            if !chars[start].is_whitespace() {
                out.push((index + 1, chars[start..at].iter().collect()));
            }
        }
    }
    out
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Every word of the code with its line.
pub fn words(code: &str) -> Vec<(usize, String)> {
    tokens(code).into_iter().filter(|(_, t)| is_word(t)).collect()
}

/// Every path the code names: `use` trees spread out, and `a::b::c` wherever it stands.
pub fn paths(code: &str) -> Vec<Named> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].1 == "use" {
            at = spread(&tokens, at + 1, &[], &mut found);
        } else if is_word(&tokens[at].1) && tokens.get(at + 1).is_some_and(|t| t.1 == "::") {
            let line = tokens[at].0;
            let mut segments = vec![tokens[at].1.clone()];
            while tokens.get(at + 1).is_some_and(|t| t.1 == "::") && tokens.get(at + 2).is_some_and(|t| is_word(&t.1)) {
                segments.push(tokens[at + 2].1.clone());
                at += 2;
            }
            found.push(Named { line, segments });
            at += 1;
        } else {
            at += 1;
        }
    }
    found
}

/// Spreads one branch of a `use` tree that begins at `at`; returns where the branch ends.
fn spread(tokens: &[(usize, String)], mut at: usize, before: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = before.to_vec();
    while let Some((line, token)) = tokens.get(at) {
        match token.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t.1 != "}") {
                    at = spread(tokens, at, &segments, found);
                    if tokens.get(at).is_some_and(|t| t.1 == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "::" => at += 1,
            "as" => at += 2,
            word if is_word(word) || word == "*" => {
                segments.push(word.to_owned());
                at += 1;
                if tokens.get(at).is_none_or(|t| t.1 != "::") {
                    found.push(Named { line: *line, segments: segments.clone() });
                }
            }
            _ => return at,
        }
    }
    at
}

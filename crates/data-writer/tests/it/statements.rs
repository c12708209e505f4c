//! The statements that this workspace's code sends to PostgreSQL, read out of its sources: string
//! literals that begin like SQL and name a table of ours.

use std::path::{Path, PathBuf};

/// A statement and where it stands.
#[derive(Debug)]
pub struct Statement {
    /// Path within the repository, and a part of the text.
    pub place: String,
    /// As PostgreSQL could prepare it.
    pub sql: String,
}

/// What the code puts into braces, and what a test puts there.
const PLACEHOLDERS: [(&str, &[&str]); 8] = [
    ("{table}", &["artist", "venue", "plan"]),
    ("{columns}", &["name"]),
    ("{column}", &["email_hash"]),
    ("{shard}", &["1"]),
    ("{span}", &["AND at >= grid.from_ms(0)"]),
    // The columns of `verify/tables.rs`; the names of the tables stand beside them.
    (
        "(SELECT event_id, name FROM grid.{name})",
        &[
            "(SELECT event_id, seat_id, status, hold_id, order_id FROM grid.seat)",
            "(SELECT event_id, order_id, hold_id, status, total_minor FROM grid.sale_order)",
            "(SELECT event_id, order_id, seat_id, status FROM grid.order_seat)",
            "(SELECT event_id, payment_id, order_id, status, settled_as, amount_minor,
          captured_minor FROM grid.payment)",
            "(SELECT event_id, refund_id, payment_id, amount_minor, status FROM grid.refund)",
        ],
    ),
    ("{verified} profile", &["email_verified_at = now(), profile"]),
    ("{verified}", &["email_verified_at is not null"]),
];

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Statements of every source file below a directory of the repository.
pub fn below(dir: &str) -> Vec<Statement> {
    let mut files = Vec::new();
    collect(&root().join(dir), &mut files);
    files.sort();
    assert!(!files.is_empty(), "{dir} has no sources");
    let of_file = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("a source file");
        let shown = file.strip_prefix(root()).expect("below the root").display().to_string();
        of_text(&shown, text.split("#[cfg(test)]").next().unwrap_or_default())
    };
    files.iter().flat_map(of_file).collect()
}

fn collect(at: &Path, files: &mut Vec<PathBuf>) {
    if at.is_file() {
        files.push(at.to_owned());
        return;
    }
    for entry in std::fs::read_dir(at).unwrap_or_else(|e| panic!("{}: {e}", at.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "rs") {
            collect(&path, files);
        }
    }
}

fn of_text(file: &str, text: &str) -> Vec<Statement> {
    let literals = literals(text);
    let mut found = Vec::new();
    for (_, literal) in literals.iter().filter(|(_, literal)| is_statement(literal)) {
        let first: String = literal.split_whitespace().take(9).collect::<Vec<_>>().join(" ");
        for sql in filled(literal, text, &literals) {
            let is_open = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic());
            let is_filled = !sql.split('{').skip(1).any(is_open);
            assert!(is_filled, "{file}: say what stands for the braces of: {sql}");
            found.push(Statement { place: format!("{file}: {first}"), sql: prepared(&sql) });
        }
    }
    found
}

fn is_statement(text: &str) -> bool {
    let begins = text.trim_start().trim_start_matches('(').to_ascii_lowercase();
    ["select ", "insert ", "update ", "delete ", "with ", "copy "]
        .iter()
        .any(|word| begins.starts_with(word))
        && (text.contains("grid.") || text.contains("office."))
}

/// Constants that other files of the code take from this one.
const SHARED: &str = "crates/box-office/src/people/store.rs";

/// Every way in which the braces of a statement may be filled. Names in capitals are constants of the
/// same file, or shared ones.
fn filled(literal: &str, text: &str, literals: &[(usize, String)]) -> Vec<String> {
    let mut all = vec![literal.to_owned()];
    let shared = std::fs::read_to_string(root().join(SHARED)).expect("a source file");
    let mut known = constants(text, literals);
    known.extend(constants(&shared, &self::literals(&shared)));
    for (name, value) in known {
        all.iter_mut().for_each(|sql| *sql = sql.replace(&name, &value));
    }
    for (placeholder, values) in PLACEHOLDERS {
        let fill = |sql: String| -> Vec<String> {
            if sql.contains(placeholder) {
                values.iter().map(|value| sql.replace(placeholder, value)).collect()
            } else {
                vec![sql]
            }
        };
        all = all.into_iter().flat_map(fill).collect();
    }
    all
}

/// Texts by name, the name in braces.
fn constants(text: &str, literals: &[(usize, String)]) -> Vec<(String, String)> {
    let of = |(at, _): (usize, &str)| {
        let (name, _) = text[at + 6..].split_once(": &str")?;
        let (_, value) = literals.iter().find(|(begins, _)| *begins > at)?;
        let plain = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        plain.then(|| (format!("{{{name}}}"), value.clone()))
    };
    text.match_indices("const ").filter_map(of).collect()
}

/// COPY cannot be prepared; what it needs rights for can.
fn prepared(sql: &str) -> String {
    let Some(copy) = sql.trim().strip_prefix("COPY ") else { return sql.to_owned() };
    if let Some((query, _)) = copy.rsplit_once(") TO STDOUT") {
        return query.trim_start_matches('(').to_owned();
    }
    let (into, _) = copy.split_once(" FROM STDIN").expect("a COPY in or out");
    let nulls = vec!["NULL"; into.matches(',').count() + 1].join(", ");
    format!("INSERT INTO {into} VALUES ({nulls})")
}

/// All string literals with the offsets at which they begin. Knows comments, characters, escapes and
/// raw strings.
fn literals(text: &str) -> Vec<(usize, String)> {
    let bytes = text.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            at += 3;
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            let end = raw.find("\"#").unwrap_or(raw.len());
            found.push((at, raw[..end].to_owned()));
            at += (end + 5).min(rest.len());
        } else if bytes[at] == b'"' {
            let (literal, long) = quoted(&rest[1..]);
            found.push((at, literal));
            at += long + 1;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// What stands before the closing quotation mark, and how many bytes that took with the mark.
fn quoted(rest: &str) -> (String, usize) {
    let (mut literal, mut chars) = (String::new(), rest.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (literal, at + 1),
            '\\' => match chars.next() {
                Some((_, 'n')) => literal.push('\n'),
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, escaped)) => literal.push(escaped),
                None => {}
            },
            c => literal.push(c),
        }
    }
    (literal, rest.len())
}

#[test]
fn literals_are_found_whatever_stands_around_them() {
    let text = "const A: &str = \"x, y\"; // \"no\"\nlet q = '\"'; run(\"select {A} \\\n      from \
                grid.t\\\\\", r#\"select \"q\" from office.t\"#);";
    let statements = of_text("f.rs", text);
    let found: Vec<&str> = statements.iter().map(|found| found.sql.as_str()).collect();
    assert_eq!(found, ["select x, y from grid.t\\", "select \"q\" from office.t"]);
    assert_eq!(
        prepared("COPY grid.t (a, b) FROM STDIN (FORMAT binary)"),
        "INSERT INTO grid.t (a, b) VALUES (NULL, NULL)"
    );
}

//! An error and its causes as one line for people. Some libraries repeat the cause in their own
//! text; it is told once.

/// The chain of causes, each as far as it says something new.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if told.is_empty() {
            told = text;
        } else if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::one_line;

    #[test]
    fn causes_are_told_once_and_on_one_line() {
        let inner = anyhow!("connection\n refused");
        let outer = inner.context("cannot connect: connection refused").context("schema grid");
        assert_eq!(one_line(&outer), "schema grid: cannot connect: connection refused");
        let outer = anyhow!("disk full").context("cannot write x");
        assert_eq!(one_line(&outer), "cannot write x: disk full");
    }
}

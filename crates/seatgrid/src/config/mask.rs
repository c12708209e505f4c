//! Hides secrets in a configuration that is about to be shown. Paths of secret files are no
//! secrets; passwords inside URLs are.

use toml::{Table, Value};

const MASK: &str = "***";
/// A key that ends like this holds a secret itself.
const SECRET_ENDINGS: [&str; 5] = ["password", "secret", "token", "_key", "passphrase"];

pub(super) fn table(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        mask(key, value);
    }
}

fn mask(key: &str, value: &mut Value) {
    match value {
        Value::String(text) if is_secret(key) && !text.is_empty() => *text = MASK.to_owned(),
        Value::String(text) => {
            if let Some(masked) = without_password(text) {
                *text = masked;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask(key, value)),
        Value::Table(inner) => table(inner),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

fn is_secret(key: &str) -> bool {
    SECRET_ENDINGS.iter().any(|ending| key.ends_with(ending))
}

/// `scheme://user:password@host` with the password masked.
fn without_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (login, host) = rest.rsplit_once('@')?;
    let (user, _) = login.split_once(':')?;
    Some(format!("{scheme}://{user}:{MASK}@{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_are_hidden() {
        let text = "shop_secret = 'a'\nsecret_file = 'b'\nurl = 'postgres://u:p@ss@h/d'\n\
            plain = 'http://h/'\n[[inner]]\nbot_token = 'c'\nkey = 'd'\nhold_key = 'e'\n";
        let mut sample: Table = text.parse().expect("TOML");
        table(&mut sample);
        let expected = "shop_secret = '***'\nsecret_file = 'b'\nurl = 'postgres://u:***@h/d'\n\
            plain = 'http://h/'\n[[inner]]\nbot_token = '***'\nkey = 'd'\nhold_key = '***'\n";
        assert_eq!(sample, expected.parse().expect("TOML"));
    }
}

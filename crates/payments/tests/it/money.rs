//! Amounts: what is a value and what is not.

use payments::{Currency, Money, MoneyError, Secret};

#[test]
fn values_travel_as_text() {
    for (text, minor) in [("0.00", 0), ("0.01", 1), ("3500.00", 350_000), ("7.05", 705)] {
        let money = Money::parse(text, Currency::RUB).unwrap();
        assert_eq!(money.minor, minor, "{text}");
        assert_eq!(money.value(), text);
    }
    assert_eq!(Money::new(-705, Currency::USD).to_string(), "-7.05 USD");
    assert_eq!(Money::new(i64::MIN, Currency::USD).value(), "-92233720368547758.08");
}

#[test]
fn everything_else_is_refused() {
    let wrong = [
        "",
        ".",
        "1",
        "1.",
        "1.0",
        "1.000",
        ".50",
        "-1.00",
        "+1.00",
        " 1.00",
        "1.00 ",
        "1,00",
        "1e3.00",
        "0x1.00",
        "1.0a",
        "١.٠٠",
        "9999999999999.00",
        "1.00.00",
    ];
    for text in wrong {
        assert_eq!(Money::parse(text, Currency::RUB), Err(MoneyError::Value), "{text:?}");
    }
    for code in ["", "RU", "RUBB", "rub", "R B", "РУБ"] {
        assert_eq!(code.parse::<Currency>(), Err(MoneyError::Currency), "{code:?}");
    }
}

#[test]
fn secrets_are_masked() {
    let secret = Secret::new("hunter2");
    assert!(!format!("{secret:?}").contains("hunter2"));
    assert!(!serde_json::to_string(&secret).unwrap().contains("hunter2"));
    let read: Secret = serde_json::from_str("\"hunter2\"").unwrap();
    assert_eq!(read.reveal(), "hunter2");
}

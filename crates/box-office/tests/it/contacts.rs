//! The buyer's contact: one spelling for each name, address and number, and every fault named.

use box_office::contact::{BuyerForm, Contact};

fn form(name: &str, email: &str, phone: &str) -> BuyerForm {
    BuyerForm { name: name.into(), email: email.into(), phone: Some(phone.into()) }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn check(form: &BuyerForm) -> Result<Contact, Vec<String>> {
    let (consents, channels) = (words(&["personal_data"]), words(&["email"]));
    let checked = Contact::check(form, &consents, &channels, 1);
    checked.map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
}

#[test]
fn spellings_are_brought_to_one() {
    let contact = check(&form("  Анна   Петрова ", " Anna.P@Example.ORG ", "8 (900) 123-45-67"));
    let contact = contact.unwrap();
    assert_eq!(contact.name, "Анна Петрова");
    assert_eq!(contact.email, "Anna.P@example.org");
    assert_eq!(contact.phone.as_deref(), Some("+79001234567"));
    for (typed, phone) in [
        ("+79001234567", "+79001234567"),
        ("79001234567", "+79001234567"),
        ("+44 20 7946 0958", "+442079460958"),
    ] {
        let contact = check(&form("A", "a@b.org", typed)).unwrap();
        assert_eq!(contact.phone.as_deref(), Some(phone), "{typed}");
    }
    assert_eq!(check(&form("A", "почта@пример.рф", " ")).unwrap().phone, None);
}

#[test]
fn a_contact_survives_its_bytes_and_hides_in_logs() {
    let contact = check(&form("Анна", "a@b.org", "+79001234567")).unwrap();
    assert_eq!(Contact::from_bytes(&contact.to_bytes()), Some(contact.clone()));
    assert_eq!(Contact::from_bytes(b"{}"), None);
    assert!(!format!("{contact:?}").contains("b.org"));
}

#[test]
fn each_fault_is_named() {
    let wrong = |form: &BuyerForm| check(form).expect_err("a fault").join(" ");
    let long = "я".repeat(101);
    for name in ["", "   ", "a\u{7}b", long.as_str()] {
        assert_eq!(wrong(&form(name, "a@b.org", "")), "/buyer/name", "{name:?}");
    }
    let long = format!("{}@b.org", "a".repeat(65));
    for email in [
        "",
        "a",
        "@b.org",
        "a@",
        "a@b",
        "a b@c.org",
        "a@b..org",
        "a@-b.org",
        "a@b@c.org",
        ".a@b.org",
        "a..b@c.org",
        "a@b.org\r\nBcc: x@y.z",
        "<a@b.org>",
        long.as_str(),
    ] {
        assert_eq!(wrong(&form("A", email, "")), "/buyer/email", "{email:?}");
    }
    for phone in
        ["1234567", "+0123456789", "9001234567", "+7900123456a", "+", "1".repeat(16).as_str()]
    {
        assert_eq!(wrong(&form("A", "a@b.org", phone)), "/buyer/phone", "{phone:?}");
    }
    assert_eq!(wrong(&form("", "x", "y")), "/buyer/name /buyer/email /buyer/phone");
}

#[test]
fn consent_to_personal_data_is_required_and_words_are_known() {
    let form = form("A", "a@b.org", "");
    let check = |consents: &[&str], channels: &[&str]| {
        let checked = Contact::check(&form, &words(consents), &words(channels), 1);
        checked.map_err(|faults| {
            faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>().join(" ")
        })
    };
    let good = check(&["marketing", "personal_data", "marketing"], &[]).unwrap();
    assert_eq!(good.consents, ["marketing", "personal_data"]);
    assert_eq!(check(&[], &["email"]), Err("/consents".into()));
    assert_eq!(check(&["marketing"], &["email"]), Err("/consents".into()));
    assert_eq!(check(&["personal_data", "soul"], &["email"]), Err("/consents/1".into()));
    assert_eq!(check(&["personal_data"], &["pigeon"]), Err("/channels/0".into()));
}

//! Plans that cannot be sold from are refused with their place.

use inventory::*;

use crate::harness::hall;

#[track_caller]
fn refused(change: impl FnOnce(&mut Plan), expected: &str) {
    let mut plan = hall();
    change(&mut plan);
    assert_eq!(plan.check().unwrap_err().to_string(), expected);
}

#[test]
fn each_fault_is_named() {
    hall().check().unwrap();
    refused(|p| p.version = 0, "plan: version must be 1 or more");
    refused(|p| p.tiers.clear(), "plan: needs 1 to 64 tiers");
    refused(|p| p.sections.clear(), "plan: has no seats");
    refused(|p| p.tiers[1].id = "front".into(), "tier front: id occurs twice");
    refused(|p| p.tiers[0].price_minor = -1, "tier front: price out of range");
    refused(|p| p.tiers[0].price_minor = i64::MAX, "tier front: price out of range");
    refused(|p| p.sections[1].id = "A".into(), "section A: id occurs twice");
    refused(
        |p| p.sections[0].id = "A B".into(),
        "section A B: only letters, digits, '-', '_' and '.' are allowed",
    );
    refused(|p| p.sections[0].name = String::new(), "section A: empty name");
    refused(|p| p.sections[0].rows[0].seats.clear(), "section A row 1: needs 1 to 128 seats");
    refused(
        |p| p.sections[0].rows[0].seats[0].tier = 2,
        "section A row 1 seat 1: names a tier that does not exist",
    );
    refused(|p| p.sections[0].rows[1].label = "1".into(), "seat A-1-1: id occurs twice");
    refused(|p| p.sections[0].rows[0].seats[1].number = "1".into(), "seat A-1-1: id occurs twice");
    refused(
        |p| p.sections[0].rows[0].label = "x".repeat(33),
        &format!("section A row {}: id, label or number over 32 bytes", "x".repeat(33)),
    );
}

#[test]
fn ids_that_join_to_the_same_text_are_refused() {
    refused(
        |p| {
            p.sections[0].id = "B-1".into();
            p.sections[0].rows[0].label = "2".into();
            p.sections[0].rows.truncate(1);
            p.sections[1].rows[0].label = "1-2".into();
        },
        "seat B-1-2-1: id occurs twice",
    );
}

#[test]
fn long_rows_are_refused() {
    refused(
        |p| {
            let seat = p.sections[0].rows[0].seats[0].clone();
            p.sections[0].rows[0].seats = vec![seat; 129];
        },
        "section A row 1: needs 1 to 128 seats",
    );
}

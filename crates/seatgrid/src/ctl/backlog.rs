//! What the shards say of their way to PostgreSQL: the steps of the outage ladder, which they take by
//! themselves and which only the database's return undoes.

use operator::model::{Issue, Severity};
use processing_unit::Persistence;

/// Shards on which something waits, one issue for each step.
pub(super) fn issues(shards: &[Persistence]) -> Vec<Issue> {
    let step = |wanted: &str| {
        let on_it = |one: &&Persistence| one.step == wanted;
        shards.iter().filter(on_it).collect::<Vec<_>>()
    };
    let remedy =
        "see to PostgreSQL and the writer; what waits goes on by itself once the lag is gone";
    let mut issues = Vec::new();
    let mut add = |code: &str, what: &str, of: &[&Persistence]| {
        if !of.is_empty() {
            let what = format!("{what}: {}", of.iter().map(|one| told(one)).collect::<String>());
            let (code, what) = (code.to_owned(), what.trim_end_matches("; ").to_owned());
            issues.push(Issue { code, severity: Severity::Alarm, what, remedy: remedy.to_owned() });
        }
    };
    add("holds_wait", "no new hold is granted, confirms go on", &step("holds_wait"));
    add("sales_wait", "no new sale opens", &step("sales_wait"));
    issues
}

fn told(one: &Persistence) -> String {
    let (age_s, full) = (one.age_ms.max(one.silent_ms) / 1_000, one.full_percent());
    format!("shard {} is {age_s} s behind, its outbox {full} % full; ", one.shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_one_issue() {
        let shard = |shard, step: &str, age_ms| Persistence {
            shard,
            step: step.to_owned(),
            records: 400,
            promised: 310,
            taken: 710,
            records_max: 1_000,
            age_ms,
            silent_ms: 0,
            openings_waiting: 0,
        };
        assert_eq!(issues(&[shard(1, "fine", 9)]), []);
        let found = issues(&[shard(1, "sales_wait", 31_000), shard(2, "sales_wait", 40)]);
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!((one.code.as_str(), one.severity), ("sales_wait", Severity::Alarm));
        let what = "no new sale opens: shard 1 is 31 s behind, its outbox 71 % full; \
                    shard 2 is 0 s behind, its outbox 71 % full";
        assert_eq!(one.what, what);
        assert_eq!(issues(&[shard(3, "holds_wait", 1)])[0].code, "holds_wait");
    }
}

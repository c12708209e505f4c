//! Stripe's kinds of ids, made from the ledger's own: a session, its intent and its charge are one
//! payment here, told apart by what stands before the same 32 signs.
//!
//! A session's id is as long as Stripe's are, so that nothing of ours takes only shorter ones.

/// What real test sessions begin with, and what makes ours as long.
const SESSION_START: &str = "cs_test_a1";
const SESSION_END: &str = "00sandboxsandboxsandboxs";

/// The session of a payment.
pub fn session(id: &str) -> String {
    format!("{SESSION_START}{}{SESSION_END}", id.replace('-', ""))
}

/// The intent of a payment.
pub fn intent(id: &str) -> String {
    format!("pi_{}", id.replace('-', ""))
}

/// The charge of a payment.
pub fn charge(id: &str) -> String {
    format!("ch_{}", id.replace('-', ""))
}

/// A refund.
pub fn refund(id: &str) -> String {
    format!("re_{}", id.replace('-', ""))
}

/// The payment of a session.
pub fn of_session(text: &str) -> Option<String> {
    own(text.strip_prefix(SESSION_START)?.strip_suffix(SESSION_END)?)
}

/// The payment of an intent.
pub fn of_intent(text: &str) -> Option<String> {
    own(text.strip_prefix("pi_")?)
}

/// The ledger's id of a refund.
pub fn of_refund(text: &str) -> Option<String> {
    own(text.strip_prefix("re_")?)
}

fn own(signs: &str) -> Option<String> {
    let id = uuid::Uuid::try_parse(signs).ok()?;
    (id.simple().to_string() == signs).then(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_leads_back_and_to_nothing_else() {
        let id = "0190a1b2-0000-4000-8000-0123456789ab";
        assert_eq!(session(id).len(), 66);
        assert_eq!(of_session(&session(id)).as_deref(), Some(id));
        assert_eq!(of_intent(&intent(id)).as_deref(), Some(id));
        assert_eq!(of_refund(&refund(id)).as_deref(), Some(id));
        assert_eq!(of_intent(&session(id)), None);
        assert_eq!(of_session(id), None);
        assert_eq!(of_refund("re_0190A1B2000040008000"), None);
    }
}

//! What a database error means for the records that met it. SQLSTATE decides, nothing else.

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The database is away, busy, full, or not set up as expected: the same records are tried again
    /// for ever, with an alarm.
    Transient,
    /// These records will never be taken: the one at fault is found and parked.
    Permanent,
}

/// Classes of SQLSTATE that blame the data: data exception, integrity constraint violation, program
/// limit exceeded, and what a trigger of the owner's raises.
const PERMANENT: [&str; 4] = ["22", "23", "54", "P0"];

/// Classifies an SQLSTATE. Whatever is not about the data is about the server, the connection, rights
/// or a missing migration; parking records for that would empty the feed into quarantine.
pub fn class_of_sqlstate(sqlstate: &str) -> FailureClass {
    // Rows with a key of their own are upserted, so only the ledger can collide: then two histories
    // met in one database, which no record is to blame for.
    if sqlstate == "23505" {
        return FailureClass::Transient;
    }
    if PERMANENT.iter().any(|class| sqlstate.starts_with(class)) {
        FailureClass::Permanent
    } else {
        FailureClass::Transient
    }
}

/// Classifies an error. Without an SQLSTATE the server said nothing about the records.
pub(crate) fn class_of(error: &sqlx::Error) -> FailureClass {
    sqlstate(error).map_or(FailureClass::Transient, |state| class_of_sqlstate(&state))
}

/// The SQLSTATE, when the server sent one.
pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}

/// Whether the server itself is away, starting, stopping or unreachable, as against one statement
/// having failed.
pub(crate) fn is_away(error: &sqlx::Error) -> bool {
    match sqlstate(error) {
        Some(state) => matches!(&state[..2], "08" | "28" | "3D" | "53") || state.starts_with("57P"),
        None => true,
    }
}

/// Whether the server is there but lacks our tables or the rights to them.
pub(crate) fn is_schema(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|state| state.starts_with("42") || state.starts_with("3F"))
}

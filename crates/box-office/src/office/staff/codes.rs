//! Promo and presale codes of an event: added, changed, withdrawn, counted. The catalogue is what
//! counts; the grid knows hashes only and follows.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::time::parse_rfc3339_ms;
use http_api::{
    Code, FieldError, Id, IdempotencyKey, Money, OptionalKey, Problem, Strict, code_hash, from_grid,
};
use inventory::{Command, EventNo, Outcome, PutCodes, RequestKey};
use processing_unit::GridError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::{foreign, private};
use super::super::bodies::staff::{CodeBody, use_of};
use super::{Staff, catalogue};
use crate::catalogue::{CodeRecord, CodeWord, TierRecord, is_void, void};
use crate::clock::rfc3339_ms;

/// Codes of one call, as many as the rules take.
const CODES_MAX: usize = 1_000;
/// Longest code, in characters.
const CODE_CHARS_MAX: usize = 64;

/// Codes to add; a known one gets these terms, and what it was used for stays counted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct CodesForm {
    /// 1 to 1,000.
    codes: Vec<CodeForm>,
}

/// One code.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct CodeForm {
    /// What shoppers type; capitals do not count.
    code: String,
    /// `promo` makes seats cheaper, `presale` lets in before the sale opens.
    #[schema(value_type = String)]
    kind: CodeWord,
    /// Taken off each seat's price.
    #[serde(default)]
    per_seat: Option<Money>,
    /// Taken off each seat's price, in hundredths of a percent.
    #[serde(default)]
    basis_points: u16,
    /// From when it works, RFC 3339.
    from: String,
    /// Until when, exclusive.
    until: String,
    /// Tiers it works for; none means all.
    #[serde(default)]
    tiers: Vec<String>,
    /// Most seats held and sold under it.
    #[serde(default)]
    seats_max: Option<u32>,
    /// Most money given away under it.
    #[serde(default)]
    budget: Option<Money>,
}

/// Adds or changes codes.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/codes", tag = "staff",
request_body = CodesForm, params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "All codes of the event", body = Vec<CodeBody>),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`idempotency_window_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`database_unavailable`, `persistence_backlog`"),
))]
pub(in crate::office) async fn put(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    Strict { body, hash }: Strict<CodesForm, { super::plan::BODY_BYTES_MAX }>,
) -> Result<Response, Problem> {
    let (_, tiers) = catalogue::codes(&office.database, &id).await?;
    let codes = body.records(&tiers)?;
    let added = codes.clone();
    catalogue::change_codes(&office.database, &id, |known| merge(known, added)).await?;
    office.tell_codes((&id, &tiers), Some(key.of(hash)), &staff, &codes).await?;
    office.all_codes(&id, &staff).await
}

/// All codes of an event with their use.
#[utoipa::path(get, path = "/api/v1/admin/events/{id}/codes", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
), responses(
    (status = 200, description = "The codes", body = Vec<CodeBody>),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<Response, Problem> {
    office.all_codes(&id, &staff).await
}

/// Withdraws a code: it works for no new hold. Doing so again changes nothing.
#[utoipa::path(delete, path = "/api/v1/admin/events/{id}/codes/{code}", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
    ("code" = String, Path, description = "The code"),
    ("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 204, description = "Nobody can use it"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 503, description = "`database_unavailable`, `persistence_backlog`"),
))]
pub(in crate::office) async fn withdraw(
    State(office): State<Arc<Office>>,
    Path((id, code)): Path<(String, String)>,
    key: OptionalKey,
    staff: Staff,
) -> Result<Response, Problem> {
    let hash = code_hash(&id, &code);
    catalogue::change_codes(&office.database, &id, |all| {
        all.retain(|known| code_hash(&id, &known.code) != hash);
    })
    .await?;
    // Its first 64 bits name what is asked: the same key must not withdraw another code.
    let key = key.of((hash >> 64) as u64);
    office.void_code((&id, hash), key, &staff).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Puts new terms in the place of known codes, and new codes after them.
fn merge(known: &mut Vec<CodeRecord>, added: Vec<CodeRecord>) {
    let plain = |code: &CodeRecord| code.code.to_uppercase();
    let at: HashMap<String, usize> =
        known.iter().enumerate().map(|(at, code)| (plain(code), at)).collect();
    for code in added {
        match at.get(&plain(&code)) {
            Some(at) => known[*at] = code,
            None => known.push(code),
        }
    }
}

impl CodesForm {
    fn records(&self, tiers: &[TierRecord]) -> Result<Vec<CodeRecord>, Problem> {
        if !(1..=CODES_MAX).contains(&self.codes.len()) {
            return Err(Problem::invalid_at("/codes", "must have 1 to 1,000 codes"));
        }
        let (mut records, mut faults) = (Vec::new(), Vec::new());
        for (at, code) in self.codes.iter().enumerate() {
            match code.record(tiers) {
                Ok(record) => records.push(record),
                Err((member, detail)) => {
                    faults.push(FieldError::at(format!("/codes/{at}/{member}"), detail));
                }
            }
        }
        let mut texts: Vec<String> = records.iter().map(|one| one.code.to_uppercase()).collect();
        texts.sort_unstable();
        if texts.windows(2).any(|pair| pair[0] == pair[1]) {
            faults.push(FieldError::at("/codes", "a code occurs twice"));
        }
        if faults.is_empty() { Ok(records) } else { Err(Problem::invalid(faults)) }
    }
}

impl CodeForm {
    fn record(&self, tiers: &[TierRecord]) -> Result<CodeRecord, (&'static str, &'static str)> {
        let code = self.code.trim();
        let plain = code.chars().all(|c| !c.is_control() && c != '/');
        if code.is_empty() || code.chars().count() > CODE_CHARS_MAX || !plain {
            return Err(("code", "must have 1 to 64 characters, none of them a slash"));
        }
        let time = |text: &str| parse_rfc3339_ms(text).ok_or("must be an RFC 3339 time");
        let from_ms = time(&self.from).map_err(|detail| ("from", detail))?;
        let until_ms = time(&self.until).map_err(|detail| ("until", detail))?;
        if from_ms >= until_ms {
            return Err(("until", "must be after from"));
        }
        if self.basis_points > 10_000 {
            return Err(("basis_points", "must be 0 to 10,000"));
        }
        if !self.tiers.iter().all(|id| tiers.iter().any(|tier| tier.id == *id)) {
            return Err(("tiers", "no such tier"));
        }
        let minor = |money: &Option<Money>| {
            let minor = money.as_ref().map(Money::minor).transpose();
            minor.map_err(|_| "must be an amount of money")
        };
        Ok(CodeRecord {
            code: code.to_owned(),
            kind: self.kind,
            per_seat_minor: minor(&self.per_seat).map_err(|d| ("per_seat", d))?.unwrap_or(0),
            basis_points: self.basis_points,
            from_ms,
            until_ms,
            tiers: self.tiers.clone(),
            seats_max: self.seats_max,
            budget_minor: minor(&self.budget).map_err(|d| ("budget", d))?,
        })
    }
}

impl Office {
    /// Tells the grid codes, if it has the event; else the publisher does when it opens.
    async fn tell_codes(
        &self,
        (id, tiers): (&str, &[TierRecord]),
        key: Option<RequestKey>,
        staff: &Staff,
        codes: &[CodeRecord],
    ) -> Result<(), Problem> {
        if codes.is_empty() {
            return Ok(());
        }
        let event = match self.grid.route(id, staff.deadline).await {
            Ok(pin) => EventNo(pin.number),
            Err(GridError::NotFound) => return Ok(()),
            Err(error) => return Err(from_grid(error, Code::EventNotFound)),
        };
        let told = codes.iter().map(|code| code.to_code(id, tiers));
        let codes = told.collect::<Result<_, _>>().map_err(Problem::internal)?;
        self.put_codes(event, key, staff, codes).await
    }

    /// Makes a code that the grid knows work for nobody, unless that was done before.
    async fn void_code(
        &self,
        (id, hash): (&str, u128),
        key: Option<RequestKey>,
        staff: &Staff,
    ) -> Result<(), Problem> {
        let event = match self.grid.route(id, staff.deadline).await {
            Ok(pin) => EventNo(pin.number),
            Err(GridError::NotFound) => return Ok(()),
            Err(error) => return Err(from_grid(error, Code::EventNotFound)),
        };
        let known = match self.grid.codes(event, staff.deadline).await {
            Ok(known) => known,
            Err(GridError::NotFound) => return Ok(()),
            Err(error) => return Err(from_grid(error, Code::EventNotFound)),
        };
        let live = known.into_iter().find(|one| one.code.hash == hash && !is_void(&one.code));
        match live {
            Some(live) => self.put_codes(event, key, staff, vec![void(live.code)]).await,
            None => Ok(()),
        }
    }

    async fn put_codes(
        &self,
        event: EventNo,
        key: Option<RequestKey>,
        staff: &Staff,
        codes: Vec<inventory::Code>,
    ) -> Result<(), Problem> {
        let command = Command::PutCodes(PutCodes { event, codes });
        let about = (event, Code::EventNotFound);
        match self.staff_command(about, key, staff, command).await {
            Ok(reply) if reply.outcome == Outcome::CodesPut => Ok(()),
            Ok(reply) => Err(foreign(&reply.outcome)),
            // It is pinned and about to be opened, with its codes.
            Err(problem) if problem.code() == Code::EventNotFound => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    async fn all_codes(&self, id: &str, staff: &Staff) -> Result<Response, Problem> {
        let (codes, tiers) = catalogue::codes(&self.database, id).await?;
        let known = match self.grid.route(id, staff.deadline).await {
            Ok(pin) => self.grid.codes(EventNo(pin.number), staff.deadline).await,
            Err(error) => Err(error),
        };
        let known = match known {
            Ok(known) => known,
            Err(GridError::NotFound) => Vec::new(),
            Err(error) => return Err(from_grid(error, Code::EventNotFound)),
        };
        let by_hash: HashMap<u128, _> = known.iter().map(|one| (one.code.hash, one)).collect();
        let body = |code: CodeRecord| {
            let used = by_hash.get(&code_hash(id, &code.code)).copied();
            let wanted = code.to_code(id, &tiers).ok();
            let (held_seats, sold_seats) = use_of(used);
            CodeBody {
                kind: match code.kind {
                    CodeWord::Promo => "promo",
                    CodeWord::Presale => "presale",
                },
                from: rfc3339_ms(code.from_ms),
                until: rfc3339_ms(code.until_ms),
                tiers: code.tiers,
                seats_max: code.seats_max,
                held_seats,
                sold_seats,
                in_force: used.is_some_and(|used| wanted.as_ref() == Some(&used.code)),
                code: code.code,
            }
        };
        let all: Vec<CodeBody> = codes.into_iter().map(body).collect();
        Ok(private(StatusCode::OK, None, all))
    }
}

//! The admin API as the tool calls it: any unit answers for the whole grid, so a silent one is
//! passed over. An order given twice is one order, so that holds for orders as well.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use operator::Given;
use operator::model::Receipt;
use processing_unit::Persistence;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::Fault;
use super::writers::{self, Asked};
use crate::cli::Target;
use crate::http_call::{self, Call, CallError};
use crate::local;
use crate::role::Role;

/// A living unit answers this in milliseconds.
const LIVES_WITHIN: Duration = Duration::from_secs(1);

/// The units that may be asked.
#[derive(Debug)]
pub(super) struct Api {
    units: Vec<SocketAddr>,
    /// Known for a local `up` only.
    writers: Vec<SocketAddr>,
    token: Option<String>,
}

impl Api {
    /// The units of a local `up`, or the one that was named.
    pub(super) fn of(target: &Target) -> Result<Self, Fault> {
        let token = target.admin_token_file.as_deref().map(operator::read_token).transpose();
        let token = token.context("no admin token")?;
        if let Some(unit) = target.admin {
            return Ok(Self { units: vec![unit], writers: Vec::new(), token });
        }
        let units = addresses(target, Role::Unit)?;
        // Without a writer the grid still has answers.
        let writers = addresses(target, Role::Writer).unwrap_or_default();
        Ok(Self { units, writers, token })
    }

    /// The answer of the first unit that has one.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let path = format!("/admin/v1/{path}");
        let mut silent = String::new();
        for unit in self.living_first().await {
            match self.call(unit, ("GET", &path, "")).await {
                Ok(answer) => return read(answer),
                Err(error) => silent = format!("{unit}: {error}"),
            }
        }
        Err(Fault::Failed(format!("no unit answers: {silent}")))
    }

    /// Gives an order to the first unit that takes it.
    pub(super) async fn give(&self, given: &Given) -> Result<Receipt, Fault> {
        let body = serde_json::to_string(given).context("the order has no JSON form")?;
        let (mut silent, mut maybe) = (String::new(), false);
        for unit in self.living_first().await {
            match self.call(unit, ("POST", "/admin/v1/orders", &body)).await {
                Ok(answer) => return read(answer),
                Err(error) => {
                    maybe |= matches!(error, CallError::Lost(_));
                    silent = format!("{unit}: {error}");
                }
            }
        }
        if maybe && !given.dry_run {
            return Err(Fault::Unknown(format!("{silent}; the same order again tells")));
        }
        Err(Fault::Failed(format!("no unit answers: {silent}")))
    }

    /// What the writers say of themselves.
    pub(super) async fn writers(&self) -> Vec<Asked> {
        writers::ask(&self.writers).await
    }

    /// How far PostgreSQL is behind, as the shards know; nothing when no unit can say.
    pub(super) async fn persistence(&self) -> Vec<Persistence> {
        self.get("persistence").await.unwrap_or_default()
    }

    /// The units, those last that do not even say that they live: a machine that stands still, or a
    /// cut link, would hold up an answer for as long as a call may take.
    async fn living_first(&self) -> Vec<SocketAddr> {
        if self.units.len() < 2 {
            return self.units.clone();
        }
        let lives = async |unit: &SocketAddr| {
            let asked = http_call::get(*unit, "/livez");
            matches!(tokio::time::timeout(LIVES_WITHIN, asked).await, Ok(Ok(_)))
        };
        let living = join_all(self.units.iter().map(lives)).await;
        let (first, last): (Vec<_>, Vec<_>) =
            self.units.iter().zip(living).partition(|(_, lives)| *lives);
        first.into_iter().chain(last).map(|(unit, _)| *unit).collect()
    }

    async fn call(
        &self,
        unit: SocketAddr,
        (method, path, body): (&str, &str, &str),
    ) -> Result<(u16, String), CallError> {
        let token = self.token.as_deref();
        http_call::send(unit, Call { method, path, token, body }).await
    }
}

fn addresses(target: &Target, role: Role) -> anyhow::Result<Vec<SocketAddr>> {
    let mut entries = local::running(&target.data_dir, role)?;
    entries.sort_by_key(|entry| entry.node);
    Ok(entries.into_iter().map(|entry| entry.admin).collect())
}

/// An answer as a value, or a problem as a fault.
fn read<T: DeserializeOwned>((status, body): (u16, String)) -> Result<T, Fault> {
    if status == 200 {
        return serde_json::from_str(&body)
            .map_err(|error| Fault::Failed(format!("the unit answered nonsense: {error}")));
    }
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = |name: &str| problem[name].as_str();
    let said = text("detail").or(text("title")).unwrap_or("no reason given");
    Err(match text("code") {
        Some("refused_unsafe") => Fault::Refused(said.to_owned()),
        Some("outcome_unknown") => Fault::Unknown(said.to_owned()),
        _ => Fault::Failed(format!("{said} ({status})")),
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_unit_that_stands_still_is_asked_last() {
        let still = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let living = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let [first, second] = [&still, &living].map(|unit| unit.local_addr().expect("bound"));
        let api = Api { units: vec![first, second], writers: vec![], token: None };
        let answers = tokio::spawn(async move {
            let (mut stream, _) = living.accept().await.expect("a probe");
            // What is not read before the end would end the connection with an error.
            let asked = stream.read(&mut [0; 1024]).await.expect("a request");
            assert!(asked > 0, "the probe says something");
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await.expect("answers");
        });
        assert_eq!(api.living_first().await, [second, first]);
        answers.await.expect("no panic");
    }

    #[test]
    fn problems_become_faults() {
        let answer = |status, body: &str| read::<Vec<u8>>((status, body.to_owned()));
        assert_eq!(answer(200, "[1]"), Ok(vec![1]));
        assert!(matches!(answer(200, "{}"), Err(Fault::Failed(_))));
        let unsafe_now = r#"{"code":"refused_unsafe","detail":"add a node first"}"#;
        assert_eq!(answer(409, unsafe_now), Err(Fault::Refused("add a node first".to_owned())));
        let unknown = r#"{"code":"outcome_unknown","title":"Who knows"}"#;
        assert_eq!(answer(503, unknown), Err(Fault::Unknown("Who knows".to_owned())));
        let missing = r#"{"code":"not_found","detail":"There is no node 9"}"#;
        let said = Fault::Failed("There is no node 9 (404)".to_owned());
        assert_eq!(answer(404, missing), Err(said));
        assert!(matches!(answer(502, "<html>"), Err(Fault::Failed(_))));
    }
}

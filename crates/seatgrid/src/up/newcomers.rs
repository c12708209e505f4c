//! Units that come and go while `up` runs, at the word of a tool: written down first, then started
//! or stopped. Whether a unit may go is the grid's to say, before anybody asks here.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};

use super::data_dir::{DataDir, Marker};
use super::plan::{self, Facts};
use super::requests::{Answer, Asked, Request, Requests};
use super::supervisor::Supervisor;
use super::write_configuration;
use crate::one_line::one_line;
use crate::role::Role;

/// Units on one machine: a trial is not a cluster.
const UNITS_MAX: u32 = 16;

/// Serves requests for units.
pub(super) struct Newcomers<'a> {
    dir: &'a DataDir,
    marker: Marker,
    facts: Facts,
    /// Client addresses of units that run, for those that join.
    clients: Vec<SocketAddr>,
    /// None where the socket cannot be made: everything else works without it.
    requests: Option<Requests>,
}

impl<'a> Newcomers<'a> {
    pub(super) fn new(
        dir: &'a DataDir,
        marker: Marker,
        facts: Facts,
        clients: Vec<SocketAddr>,
    ) -> Self {
        let requests = Requests::listen(dir.path()).inspect_err(|error| {
            tracing::warn!(%error, "units cannot be added while this runs");
        });
        Self { dir, marker, facts, clients, requests: requests.ok() }
    }

    /// The next request; cancel-safe.
    pub(super) async fn next(&self) -> Asked {
        match &self.requests {
            Some(requests) => requests.next().await,
            None => std::future::pending().await,
        }
    }

    /// Does what is asked, and says so.
    pub(super) async fn serve(&mut self, asked: Asked, supervisor: &mut Supervisor) {
        let done = match asked.request {
            Request::AddUnit => self.add(supervisor),
            Request::StopUnit { number } => self.stop(number, supervisor).await,
        };
        let answer = done.unwrap_or_else(|error| Answer::Refused(one_line(&error)));
        asked.answer(&answer).await;
    }

    fn add(&mut self, supervisor: &mut Supervisor) -> Result<Answer> {
        let known = self.facts.units as usize + self.marker.added.len();
        if known - self.marker.stopped.len() >= UNITS_MAX as usize {
            bail!("{UNITS_MAX} units run already");
        }
        let number = self.marker.next_unit();
        let planned =
            plan::one_more(&self.facts, number, &self.clients).context("no free ports")?;
        let program = std::env::current_exe().context("cannot find the own executable")?;
        let spec = write_configuration(self.dir, &planned, &program)?;
        self.marker.added.insert(number);
        self.dir.remember(&self.marker)?;
        let admin = planned.admin;
        tracing::info!(number, %admin, "starting one more unit");
        supervisor.add(spec);
        Ok(Answer::Started { number, admin })
    }

    /// Remembers that the grid has removed a unit, so that the next start leaves it out, too.
    pub(super) async fn left(&mut self, number: u32, supervisor: &mut Supervisor) {
        if let Err(error) = self.stop(number, supervisor).await {
            tracing::warn!(number, error = one_line(&error), "a removed unit is not written down");
        }
    }

    async fn stop(&mut self, number: u32, supervisor: &mut Supervisor) -> Result<Answer> {
        let known = (1..=self.facts.units).contains(&number) || self.marker.added.contains(&number);
        if !known {
            bail!("there is no unit {number}");
        }
        if self.marker.stopped.insert(number) {
            self.dir.remember(&self.marker)?;
        }
        tracing::info!(number, "stopping a unit for good");
        supervisor.remove(Role::Unit, number).await;
        Ok(Answer::Stopped)
    }
}

//! Pages of people who are signed in, or about to be: accounts, the cabinet, staff.
//!
//! All of them are one frame with a title, a way between neighbours, and a place that the view's own
//! script fills: nothing personal is ever in the page itself, so that it is the same for everybody.

use askama::Template;

use super::RenderError;
use super::consent::CONSENT_VERSION;
use super::frame::Frame;
use crate::Lang;
use crate::texts::AppTexts;

/// What a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppView {
    /// Signing in, with a second factor where there is one.
    SignIn,
    /// Making an account.
    Register,
    /// Setting a forgotten password anew.
    Reset,
    /// A person's tickets.
    Tickets,
    /// A person's orders.
    Orders,
    /// Name, address, number, login.
    Profile,
    /// Which notices come, and how.
    Notices,
    /// Password, second factor, sessions.
    Security,
    /// Consents, export, deletion.
    Privacy,
    /// Staff: the live picture of sales.
    Board,
    /// Staff: events.
    Events,
    /// Staff: artists.
    Artists,
    /// Staff: venues.
    Venues,
    /// Staff: plans of venues.
    Plans,
    /// Staff: one order, refunds.
    Sales,
    /// Staff: background work and what failed for good.
    Work,
    /// Staff: the ledger.
    Audit,
    /// Stewards: letting people in.
    Door,
}

use AppView::{
    Artists, Audit, Board, Door, Events, Notices, Orders, Plans, Privacy, Profile, Register, Reset,
    Sales, Security, SignIn, Tickets, Venues, Work,
};

/// The cabinet's views in the order of its navigation.
const CABINET: &[AppView] = &[Tickets, Orders, Profile, Notices, Security, Privacy];
/// The views of staff in the order of their navigation.
const STAFF: &[AppView] = &[Board, Events, Artists, Venues, Plans, Sales, Work, Audit, Door];

impl AppView {
    /// Every view.
    pub fn all() -> impl Iterator<Item = Self> {
        [SignIn, Register, Reset].into_iter().chain(CABINET.iter().chain(STAFF).copied())
    }

    /// The view behind an address; `None` where there is none.
    pub fn at(path: &str) -> Option<Self> {
        Self::all().find(|view| view.path() == path)
    }

    /// Its address.
    pub const fn path(self) -> &'static str {
        match self {
            SignIn => "/signin",
            Register => "/register",
            Reset => "/reset",
            Tickets => "/account",
            Orders => "/account/orders",
            Profile => "/account/profile",
            Notices => "/account/notifications",
            Security => "/account/security",
            Privacy => "/account/privacy",
            Board => "/staff",
            Events => "/staff/events",
            Artists => "/staff/artists",
            Venues => "/staff/venues",
            Plans => "/staff/plans",
            Sales => "/staff/orders",
            Work => "/staff/work",
            Audit => "/staff/audit",
            Door => "/staff/door",
        }
    }

    /// The script that fills the page.
    const fn script(self) -> &'static str {
        match self {
            SignIn => "signin.js",
            Register => "register.js",
            Reset => "reset.js",
            Tickets => "account-tickets.js",
            Orders => "account-orders.js",
            Profile => "account-profile.js",
            Notices => "account-notify.js",
            Security => "account-security.js",
            Privacy => "account-privacy.js",
            Board => "staff-board.js",
            Events => "staff-events.js",
            Artists => "staff-artists.js",
            Venues => "staff-venues.js",
            Plans => "staff-plans.js",
            Sales => "staff-orders.js",
            Work => "staff-work.js",
            Audit => "staff-audit.js",
            Door => "staff-door.js",
        }
    }

    const fn title(self, texts: &AppTexts) -> &'static str {
        match self {
            SignIn => texts.sign_in,
            Register => texts.register,
            Reset => texts.reset,
            Tickets => texts.tickets,
            Orders => texts.orders,
            Profile => texts.profile,
            Notices => texts.notices,
            Security => texts.security,
            Privacy => texts.privacy,
            Board => texts.board,
            Events => texts.events,
            Artists => texts.artists,
            Venues => texts.venues,
            Plans => texts.plans,
            Sales => texts.sales,
            Work => texts.work,
            Audit => texts.audit,
            Door => texts.door,
        }
    }

    /// Whether its script may look through a camera.
    pub const fn may_use_camera(self) -> bool {
        matches!(self, Door)
    }

    /// Its neighbours, itself included; none where it stands alone.
    const fn neighbours(self) -> &'static [Self] {
        match self {
            SignIn | Register | Reset => &[],
            Tickets | Orders | Profile | Notices | Security | Privacy => CABINET,
            Board | Events | Artists | Venues | Plans | Sales | Work | Audit | Door => STAFF,
        }
    }
}

/// A page of a view.
#[derive(Debug, Clone, Copy)]
pub struct AppPage {
    /// The visitor's language.
    pub lang: Lang,
    /// What it is for.
    pub view: AppView,
}

/// A way to a neighbour.
struct Way {
    path: &'static str,
    title: &'static str,
    current: bool,
}

#[derive(Template)]
#[template(path = "app.html")]
struct AppTemplate {
    f: Frame,
    title: &'static str,
    width: &'static str,
    ways: Vec<Way>,
    consent_version: &'static str,
}

impl AppPage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        let f = Frame::new(self.lang, Some(self.view.script()));
        let neighbours = self.view.neighbours();
        let way = |view: &AppView| Way {
            path: view.path(),
            title: view.title(f.t.app),
            current: *view == self.view,
        };
        let (title, ways) = (self.view.title(f.t.app), neighbours.iter().map(way).collect());
        let width = if neighbours.is_empty() { "narrow" } else { "cabinet" };
        Ok(AppTemplate { f, title, width, ways, consent_version: CONSENT_VERSION }.render()?)
    }
}

//! Pages to test with, friendly and hostile; every text of a view can be set to the same words.

use storefront::{
    AppPage, AppView, ArtistLink, ArtistPage, ArtistView, ConsentPage, EventCard, EventPage,
    Filters, HomePage, Lang, Notice, NoticePage, OrderPage, PayMethod, Payment, Price, Rules,
    SaleState, TicketPage, Tier, Waiting, When, Work,
};

/// Texts that break out of careless templates.
pub(crate) const HOSTILE: &str =
    "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>\"' onclick=\"x\" &amp;";

fn when(text: &str) -> When {
    When { at: text.to_owned(), timezone: text.to_owned(), text: text.to_owned() }
}

fn price(value: &str) -> Price {
    Price { value: value.to_owned(), currency: value.to_owned() }
}

pub(crate) fn payment(text: &str) -> Payment {
    Payment { provider: text.to_owned(), methods: vec![PayMethod::BankCard, PayMethod::Sbp] }
}

fn artist_link(text: &str) -> ArtistLink {
    ArtistLink { id: text.to_owned(), name: text.to_owned() }
}

pub(crate) fn card(text: &str, sale: SaleState) -> EventCard {
    EventCard {
        id: text.to_owned(),
        name: text.to_owned(),
        artists: vec![artist_link(text), artist_link(text)],
        starts: when(text),
        venue: text.to_owned(),
        city: text.to_owned(),
        from_price: Some(price(text)),
        free: Some(42),
        sale,
    }
}

pub(crate) fn all_sales(text: &str) -> Vec<SaleState> {
    vec![
        SaleState::Announced(Some(when(text))),
        SaleState::Announced(None),
        SaleState::OnSale,
        SaleState::Paused,
        SaleState::SoldOut,
        SaleState::Closed,
        SaleState::Cancelled,
    ]
}

pub(crate) fn home(lang: Lang, text: &str) -> String {
    let events = all_sales(text).into_iter().map(|sale| card(text, sale)).collect();
    let filters = Filters {
        q: text.to_owned(),
        artist: text.to_owned(),
        city: text.to_owned(),
        genre: text.to_owned(),
        from: text.to_owned(),
        to: text.to_owned(),
    };
    let (cities, genres) = (vec![text.to_owned()], vec![text.to_owned(), "other".to_owned()]);
    let next = Some(format!("/?q={text}&cursor=1"));
    HomePage { lang, events, filters, cities, genres, next }.render().unwrap()
}

pub(crate) fn artist(lang: Lang, text: &str) -> String {
    let artist = ArtistView {
        id: "artist-1".to_owned(),
        name: text.to_owned(),
        occupation: text.to_owned(),
        genre: text.to_owned(),
        bio: text.to_owned(),
        works: vec![Work { title: text.to_owned(), year: text.to_owned() }],
    };
    ArtistPage { lang, artist, events: vec![card(text, SaleState::OnSale)] }.render().unwrap()
}

pub(crate) fn app(lang: Lang, view: AppView) -> String {
    AppPage { lang, view }.render().unwrap()
}

pub(crate) fn event(lang: Lang, text: &str, sale: SaleState) -> String {
    let tier = |free| Tier { id: text.to_owned(), name: text.to_owned(), price: price(text), free };
    EventPage {
        lang,
        event: card(text, sale),
        description: text.to_owned(),
        tiers: vec![tier(Some(12_345)), tier(None)],
        rules: Rules { per_hold: 6, per_person: 8, extensions: 1 },
        hold_ttl_s: 300,
        payment: payment(text),
        waiting: Waiting { list: true, room: true },
    }
    .render()
    .unwrap()
}

pub(crate) fn order(lang: Lang, text: &str) -> String {
    OrderPage { lang, order_id: text.to_owned(), payment: payment(text) }.render().unwrap()
}

pub(crate) fn ticket(lang: Lang, text: &str) -> String {
    let page = TicketPage { lang, order_id: text.to_owned(), ticket_id: text.to_owned() };
    page.render().unwrap()
}

pub(crate) fn notice(lang: Lang, notice: Notice, text: &str) -> String {
    NoticePage { lang, notice, request_id: Some(text.to_owned()) }.render().unwrap()
}

/// Every page in every language with `text` wherever a text goes, named for messages.
pub(crate) fn every_page(text: &str) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for lang in [Lang::Ru, Lang::En] {
        let mut add = |name: &str, page| pages.push((format!("{name} {}", lang.code()), page));
        add("home", home(lang, text));
        for sale in all_sales(text) {
            add(&format!("event {sale:?}"), event(lang, text, sale));
        }
        add("artist", artist(lang, text));
        for view in AppView::all() {
            add(&format!("app {view:?}"), app(lang, view));
        }
        for marketing in [false, true] {
            add("consent", ConsentPage { lang, marketing }.render().unwrap());
        }
        add("order", order(lang, text));
        add("ticket", ticket(lang, text));
        for why in [Notice::NotFound, Notice::BadRequest, Notice::Unavailable, Notice::Failed] {
            add(&format!("notice {why:?}"), notice(lang, why, text));
        }
    }
    pages
}

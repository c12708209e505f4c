//! The words of the demonstration content, readable in Russian and in English. All names are
//! invented.

use super::{DemoArtist, DemoVenue};

pub(super) const HALL_NAME: &str = "Ночь симфоний · A Night of Symphonies";
pub(super) const HALL_DESCRIPTION: &str = "Большой оркестр, один голос и ни одного микрофона: \
    вечер русской и европейской симфонической музыки с антрактом.\n\
    A full orchestra, one voice and not a single microphone: an evening of symphonic music with \
    an interval.";

pub(super) const ARENA_NAME: &str = "Фонари над Невой · Lanterns over the Neva";
pub(super) const ARENA_DESCRIPTION: &str = "Единственный концерт тура в большом городе: два часа \
    света, тысяча бумажных фонарей и хор зала.\n\
    The only big-city night of the tour: two hours of light, a thousand paper lanterns and the \
    whole arena singing.";

pub(super) const OPEN_AIR_NAME: &str = "Поле звука · Field of Sound";
pub(super) const OPEN_AIR_DESCRIPTION: &str = "Два танцпола под открытым небом и небольшая трибуна \
    для тех, кто любит сидеть. Дождь концерту не помеха.\n\
    Two standing areas under the open sky and a small stand for those who like to sit. Rain stops \
    nobody.";

pub(super) const CLUB_NAME: &str = "Романсы в подвале · Songs in the Cellar";
pub(super) const CLUB_DESCRIPTION: &str = "Сто шестьдесят мест, рояль и голос. До начала общей \
    продажи билеты могут купить те, кто знает код BACKSTAGE.\n\
    A hundred and sixty seats, a piano and a voice. Until the sale opens, tickets go to those who \
    know the code BACKSTAGE.";

pub(super) const ARTISTS: &[DemoArtist] = &[
    DemoArtist {
        id: "northern-wind",
        name: "Оркестр «Северный ветер» · Northern Wind Orchestra",
        occupation: "Симфонический оркестр · Symphony orchestra",
        genre: "Классика · Classical",
        bio: "Девяносто музыкантов из одиннадцати городов. Ninety musicians from eleven cities.",
        works: &[("Белые ночи · White Nights", 2019), ("Ледоход · Ice Drift", 2023)],
    },
    DemoArtist {
        id: "vera-solntseva",
        name: "Вера Солнцева · Vera Solntseva",
        occupation: "Сопрано · Soprano",
        genre: "Опера и романс · Opera and art song",
        bio: "Поёт без усиления в залах любой величины. Sings unamplified in halls of any size.",
        works: &[("Романсы на рассвете · Songs at Dawn", 2021)],
    },
    DemoArtist {
        id: "paper-lanterns",
        name: "The Paper Lanterns",
        occupation: "Группа · Band",
        genre: "Инди-рок · Indie rock",
        bio: "Четверо друзей и много гитар. Four friends and many guitars.",
        works: &[("Fold Here", 2018), ("Light by Post", 2020), ("Thousand and One", 2024)],
    },
    DemoArtist {
        id: "tram-to-the-sea",
        name: "Трамвай до моря · Tram to the Sea",
        occupation: "Дуэт · Duo",
        genre: "Синти-поп · Synth-pop",
        bio: "Два синтезатора и один маршрут. Two synthesizers and one route.",
        works: &[("Конечная · Terminus", 2022)],
    },
];

pub(super) const VENUES: &[DemoVenue] = &[
    DemoVenue {
        id: "white-hall",
        name: "Белый зал · White Hall",
        city: "Москва · Moscow",
        address: "Музыкальный переулок, 1 · 1 Muzykalny Lane",
        timezone: "Europe/Moscow",
    },
    DemoVenue {
        id: "neva-arena",
        name: "Нева-Арена · Neva Arena",
        city: "Санкт-Петербург · Saint Petersburg",
        address: "Набережная Фонарей, 20 · 20 Lantern Embankment",
        timezone: "Europe/Moscow",
    },
    DemoVenue {
        id: "long-field",
        name: "Долгое поле · Long Field",
        city: "Казань · Kazan",
        address: "Заречная дорога, 7 · 7 Zarechnaya Road",
        timezone: "Europe/Moscow",
    },
    DemoVenue {
        id: "cellar-club",
        name: "Клуб «Подвал» · The Cellar",
        city: "Екатеринбург · Yekaterinburg",
        address: "Тихая улица, 3 · 3 Tikhaya Street",
        timezone: "Asia/Yekaterinburg",
    },
];

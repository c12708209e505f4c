//! Russian words of the templates.

use super::{Plural, Texts};

pub(super) const TEXTS: Texts = Texts {
    skip: "К содержанию",
    language: "Язык",
    footer: "seatgrid: каждое место продаётся один раз.",
    no_script: "Чтобы выбрать места и оплатить их, нужен JavaScript. Цены и время видны \
                и без него.",
    to_home: "Ко всем концертам",
    request_id: "Номер запроса:",
    seats_free: Plural {
        one: "место свободно", few: "места свободно", many: "мест свободно"
    },
    minutes: Plural { one: "минуту", few: "минуты", many: "минут" },
    seconds: Plural { one: "секунду", few: "секунды", many: "секунд" },

    sale_on: "В продаже",
    sale_opens: "Начало продажи:",
    sale_announced: "Скоро",
    sale_announced_text: "Продажа ещё не началась, но зал уже можно рассмотреть.",
    sale_paused: "Пауза",
    sale_paused_text: "Организатор приостановил продажу. Занятые и купленные места \
                       остаются за вами.",
    sale_sold_out: "Всё продано",
    sale_sold_out_text: "Свободных мест сейчас нет. Если кто-то откажется, место сразу \
                         появится здесь.",
    sale_closed: "Продажа окончена",
    sale_closed_text: "Продажа билетов на этот концерт окончена.",
    sale_cancelled: "Отменён",
    sale_cancelled_text: "Концерт не состоится. Деньги за билеты возвращаются полностью.",

    home_title: "Концерты",
    home_lead: "Выбирайте места на живой схеме зала. Что вы заняли, то ваше, пока идут часы.",
    home_empty: "Пока ничего не объявлено. Загляните позже.",
    from: "от",

    best_title: "Лучшие места для нас",
    best_number: "Сколько рядом",
    best_tier: "Цена",
    best_any: "Любая цена",
    best_submit: "Найти и занять",
    fewer: "На одно меньше",
    more: "На одно больше",

    map_title: "Выберите места",
    map_label: "Схема зала. Те же места можно выбрать в списке.",
    map_loading: "Рисуем зал…",
    view_label: "Показать места как",
    view_map: "Схема",
    view_list: "Список",
    zoom_label: "Масштаб",
    zoom_in: "Приблизить",
    zoom_out: "Отдалить",
    zoom_all: "Показать весь зал",
    legend_label: "Обозначения",
    legend_free: "свободно",
    legend_mine: "ваш выбор",
    legend_held: "кто-то занял",
    legend_sold: "продано",
    legend_accessible: "для коляски",

    tiers_title: "Цены",
    tier_name: "Категория",
    tier_price: "Цена",
    tier_free: "Свободно",
    price_note: "Это полная цена, доплат не будет.",

    tray_title: "Ваши места",
    tray_empty: "Пока ничего не выбрано: нажмите на места на схеме или доверьте выбор нам.",
    clock_label: "Места за вами ещё",
    total: "Итого",
    hold_submit: "Занять эти места",
    hold_note: "Места останутся за вами на {time}, этого хватит для оплаты.",
    release: "Отказаться от мест",

    details_title: "Ваши данные",
    buyer_name: "Имя",
    buyer_email: "Электронная почта",
    buyer_email_hint: "Нужна, чтобы заказ был ваш.",
    buyer_phone: "Телефон",
    method_title: "Как оплатить",
    method_card: "Банковская карта",
    method_sbp: "СБП",
    consent: "Согласен(на) на обработку персональных данных для продажи мне этих билетов.",
    pay_submit: "Перейти к оплате",

    order_title: "Ваш заказ",
    order_loading: "Ищем ваш заказ…",
    order_contents: "В заказе",
    check_again: "Проверить ещё раз",
    tickets_title: "Билеты",
    ticket_title: "Билет",
    ticket_loading: "Открываем билет…",
    print: "Напечатать",
    back_to_order: "К заказу",

    not_found_title: "Здесь ничего нет",
    not_found_text: "Такой страницы нет. Возможно, концерт убрали или адрес неполный.",
    bad_request_title: "Не получилось понять запрос",
    bad_request_text: "По этому адресу так обратиться нельзя. Начните со списка концертов.",
    unavailable_title: "Минутку",
    unavailable_text: "Сейчас здесь очень много людей. Занятые и купленные места в сохранности; \
                       попробуйте через несколько секунд.",
    failed_title: "У нас что-то сломалось",
    failed_text: "Занятые и купленные места в сохранности. Пожалуйста, попробуйте ещё раз.",
};

//! The mailbox: SMTP as senders speak it, Telegram, push; listed newest first.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::harness::Stand;

/// A sender that says lines and expects codes.
struct Sender(BufReader<TcpStream>);

impl Sender {
    async fn connect(address: SocketAddr) -> Self {
        let mut sender = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        assert!(sender.answer().await.starts_with("220"));
        sender
    }

    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            answer += &line;
            if line.as_bytes().get(3) != Some(&b'-') {
                return answer;
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.answer().await
    }

    async fn expect(&mut self, line: &str, code: &str) {
        let answer = self.say(line).await;
        assert!(answer.starts_with(code), "{line}: {answer}");
    }

    async fn send(&mut self, to: &[&str], message: &str) {
        self.expect("MAIL FROM:<shop@example.org>", "250").await;
        for to in to {
            self.expect(&format!("RCPT TO:<{to}>"), "250").await;
        }
        self.expect("DATA", "354").await;
        let stuffed: String =
            message
                .lines()
                .map(|line| {
                    if line.starts_with('.') {
                        format!(".{line}\r\n")
                    } else {
                        format!("{line}\r\n")
                    }
                })
                .collect();
        self.expect(&format!("{stuffed}."), "250").await;
    }
}

async fn one(stand: &Stand, message: &str) -> Value {
    let mut sender = Sender::connect(stand.smtp.unwrap()).await;
    sender.expect("EHLO shop", "250").await;
    sender.send(&["anna@example.org"], message).await;
    sender.expect("QUIT", "221").await;
    stand.get("/mailbox").await.1[0].clone()
}

#[tokio::test]
async fn plain_messages_are_listed_newest_first_by_receiver() {
    let stand = Stand::start().await;
    let mut sender = Sender::connect(stand.smtp.unwrap()).await;
    sender.expect("HELO shop", "250").await;
    sender.send(&["anna@example.org"], "Subject: One\n\nCode 123456\n..dots").await;
    sender.send(&["Boris@example.org", "anna@example.org"], "Subject: Two\n\nHello").await;
    let (_, all) = stand.get("/mailbox").await;
    let subjects: Vec<_> = all.as_array().unwrap().iter().map(|m| m["subject"].clone()).collect();
    assert_eq!(subjects, ["Two", "Two", "One"]);
    let (_, anna) = stand.get("/mailbox?to=ANNA@example.org").await;
    assert_eq!(anna.as_array().unwrap().len(), 2);
    assert_eq!(anna[1]["text"], "Code 123456\n..dots");
    assert_eq!(anna[1]["to"], "anna@example.org");
    assert!(anna[1]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(stand.get("/mailbox?to=nobody@example.org").await.1, json!([]));
    stand.stop().await;
}

#[tokio::test]
async fn encoded_words_and_bodies_become_readable() {
    let stand = Stand::start().await;
    let subjects = [
        ("=?utf-8?B?0JHQuNC70LXRgg==?=", "Билет"),
        ("=?UTF-8?Q?Your_ticket_=E2=84=96_7?=", "Your ticket № 7"),
        ("=?utf-8?B?0JHQuA==?=\n =?utf-8?B?0LvQtdGC?= now", "Билет now"),
        ("a =?broken", "a =?broken"),
        ("=?iso-8859-1?Q?caf=E9?=", "café"),
    ];
    for (encoded, expected) in subjects {
        let message = one(&stand, &format!("Subject: {encoded}\n\nx")).await;
        assert_eq!(message["subject"], expected);
    }
    let base64 = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n\
                  0JrQvtC0IDEyMzQ1\nNg==";
    assert_eq!(one(&stand, base64).await["text"], "Код 123456");
    let quoted = "Content-Type: text/plain; charset=\"utf-8\"\n\
                  Content-Transfer-Encoding: quoted-printable\n\n=D0=9A=D0=BE=D0=B4 =\n123=3D4";
    assert_eq!(one(&stand, quoted).await["text"], "Код 123=4");
    stand.stop().await;
}

#[tokio::test]
async fn multipart_messages_show_the_plain_text_and_name_the_files() {
    let stand = Stand::start().await;
    let message = "Subject: Ticket\nContent-Type: multipart/mixed; boundary=\"out\"\n\npreamble\n\
        --out\nContent-Type: multipart/alternative; boundary=in\n\n\
        --in\nContent-Type: text/html\n\n<b>Hi</b>\n--in\nContent-Type: text/plain\n\nHi\n--in--\n\
        --out\nContent-Type: application/pdf; name=\"t.pdf\"\n\
        Content-Disposition: attachment; filename=\"ticket.pdf\"\n\
        Content-Transfer-Encoding: base64\n\nJVBERi0=\n--out--\n";
    let listed = one(&stand, message).await;
    assert_eq!(listed["text"], "Hi");
    let file = json!([{ "name": "ticket.pdf", "content_type": "application/pdf", "bytes": 5 }]);
    assert_eq!(listed["attachments"], file);
    stand.stop().await;
}

#[tokio::test]
async fn broken_messages_are_listed_as_they_came() {
    let stand = Stand::start().await;
    for message in ["", "no header at all", "Content-Type: multipart/mixed; boundary=x\n\n--y"] {
        let listed = one(&stand, message).await;
        assert_eq!(listed["to"], "anna@example.org", "{message:?}");
    }
    stand.stop().await;
}

#[tokio::test]
async fn the_order_of_commands_matters_and_limits_hold() {
    let stand = Stand::start().await;
    let mut sender = Sender::connect(stand.smtp.unwrap()).await;
    assert!(sender.say("EHLO shop").await.contains("250-SIZE"));
    sender.expect("DATA", "503").await;
    sender.expect("RCPT TO:<a@b>", "503").await;
    sender.expect("MAIL FROM: shop", "501").await;
    sender.expect("MAIL FROM:<a@b> SIZE=99999999999", "552").await;
    sender.expect("MAIL FROM:<>", "250").await;
    sender.expect("MAIL FROM:<a@b>", "503").await;
    sender.expect("RCPT TO:<nobody>", "501").await;
    for n in 0..100 {
        sender.expect(&format!("RCPT TO:<a{n}@b>"), "250").await;
    }
    sender.expect("RCPT TO:<more@b>", "452").await;
    sender.expect("RSET", "250").await;
    sender.expect("DATA", "503").await;
    sender.expect("NOOP", "250").await;
    sender.expect("VRFY a", "252").await;
    sender.expect("STARTTLS", "502").await;
    sender.expect(&"x".repeat(5_000), "500").await;
    assert_eq!(stand.get("/mailbox").await.1, json!([]));
    stand.stop().await;
}

#[tokio::test]
async fn long_lines_keep_their_dots_and_large_messages_are_refused() {
    let stand = Stand::start().await;
    let line = format!("{}.{}", "a".repeat(4_096), "b".repeat(10));
    let listed = one(&stand, &format!("Subject: long\n\n{line}")).await;
    assert_eq!(listed["text"], line.as_str());
    let mut sender = Sender::connect(stand.smtp.unwrap()).await;
    sender.expect("EHLO shop", "250").await;
    sender.expect("MAIL FROM:<a@b>", "250").await;
    sender.expect("RCPT TO:<a@b>", "250").await;
    sender.expect("DATA", "354").await;
    let large = format!("{}\r\n", "x".repeat(1_022)).repeat(10 * 1_024 + 1);
    sender.expect(&format!("{large}."), "552").await;
    sender.send(&["a@b"], "Subject: small\n\nx").await;
    assert_eq!(stand.get("/mailbox").await.1[0]["subject"], "small");
    stand.stop().await;
}

#[tokio::test]
async fn telegram_speaks_the_bot_api() {
    let stand = Stand::start().await;
    let bot = |method: &str| format!("{}/bot42:secret-token/{method}", stand.url);
    let (status, me) = stand.post(&bot("getMe"), json!({})).await;
    assert_eq!((status, &me["ok"]), (200, &json!(true)));
    let (status, sent) =
        stand.post(&bot("sendMessage"), json!({ "chat_id": 77, "text": "Привет" })).await;
    assert_eq!((status, &sent["result"]["text"]), (200, &json!("Привет")));
    let (_, listed) = stand.get("/telegram?to=77").await;
    assert_eq!((&listed[0]["to"], &listed[0]["text"]), (&json!("77"), &json!("Привет")));
    for wrong in
        [json!({}), json!({ "chat_id": 1, "text": "" }), json!({ "chat_id": [], "text": "x" })]
    {
        let (status, error) = stand.post(&bot("sendMessage"), wrong).await;
        assert_eq!((status, &error["ok"]), (400, &json!(false)));
    }
    let long = json!({ "chat_id": 1, "text": "x".repeat(4_097) });
    assert_eq!(stand.post(&bot("sendMessage"), long).await.0, 400);
    assert_eq!(stand.post(&bot("deleteAll"), json!({})).await.0, 404);
    let no_token = format!("{}/botnothing/getMe", stand.url);
    assert_eq!(stand.post(&no_token, json!({})).await.0, 401);
    stand.stop().await;
}

#[tokio::test]
async fn push_messages_are_kept() {
    let stand = Stand::start().await;
    let url = format!("{}/push/browser-1", stand.url);
    let answer = stand.http.post(&url).body("hello").send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert!(answer.headers().contains_key("location"));
    stand.http.post(&url).body(vec![0xff_u8, 0xfe]).send().await.unwrap();
    let (_, listed) = stand.get("/push?to=browser-1").await;
    assert_eq!((&listed[0]["text"], &listed[1]["text"]), (&json!("//4="), &json!("hello")));
    stand.stop().await;
}

#[tokio::test]
async fn people_talk_to_the_bot_block_it_and_find_it_busy() {
    let stand = Stand::start().await;
    let bot = |method: &str| format!("{}/bot42:secret-token/{method}", stand.url);
    let script = |path: &str| format!("{}{path}", stand.url);
    let waiting = stand.http.post(bot("getUpdates")).json(&json!({ "offset": 0, "timeout": 50 }));
    let heard = tokio::spawn(async move {
        waiting.send().await.unwrap().json::<Value>().await.unwrap()["result"].clone()
    });
    let saying = json!({ "chat_id": 77, "text": "/start ABC" });
    assert_eq!(stand.post(&script("/telegram/say"), saying).await.0, 204);
    let heard = heard.await.unwrap();
    assert_eq!(heard[0]["message"]["text"], "/start ABC");
    assert_eq!(heard[0]["message"]["chat"], json!({ "id": 77, "type": "private" }));
    let next = heard[0]["update_id"].as_u64().unwrap() + 1;
    let (_, empty) = stand.post(&bot("getUpdates"), json!({ "offset": next, "timeout": 0 })).await;
    assert_eq!(empty["result"], json!([]), "what was confirmed is forgotten");

    let manners = json!({ "blocked": ["78"], "busy_times": 1, "retry_after_s": 3 });
    assert_eq!(stand.post(&script("/telegram/manners"), manners).await.0, 204);
    let send = |chat: u64| {
        let (url, body) = (bot("sendMessage"), json!({ "chat_id": chat, "text": "x" }));
        let stand = &stand;
        async move { stand.post(&url, body).await }
    };
    assert_eq!(send(78).await.0, 403);
    let (status, busy) = send(77).await;
    assert_eq!((status, &busy["parameters"]["retry_after"]), (429, &json!(3)));
    assert_eq!(send(77).await.0, 200);
    stand.stop().await;
}

#[tokio::test]
async fn an_encrypted_push_must_be_signed_and_an_ended_subscription_is_gone() {
    let stand = Stand::start().await;
    let url = format!("{}/push/browser-2", stand.url);
    let send = |headers: &[(&'static str, &'static str)]| {
        let mut request = stand.http.post(&url).body(vec![0xff_u8]);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let (kind, ttl) = (("content-encoding", "aes128gcm"), ("ttl", "60"));
    let signed = ("authorization", "vapid t=a.b.c, k=d");
    assert_eq!(send(&[("content-encoding", "aesgcm"), ttl, signed]).await, 415);
    assert_eq!(send(&[kind, signed]).await, 400);
    assert_eq!(send(&[kind, ttl]).await, 401);
    assert_eq!(send(&[kind, ttl, signed]).await, 201);
    stand.http.delete(&url).send().await.unwrap();
    assert_eq!(send(&[kind, ttl, signed]).await, 410);
    stand.stop().await;
}

//! The chat: who is there, and who said what.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use tungstenite::Message;
use waitset::Key;
use waitset_examples::web::{Outbox, Site};

/// Where the page's script connects to.
const CHAT: &str = "/chat";
/// Says everything back to who said it: what test suites for WebSockets speak to.
const ECHO: &str = "/echo";

/// More than a name or a message needs; the page has the same limits.
const NAME_CHARS_MAX: usize = 24;
const TEXT_CHARS_MAX: usize = 2000;

/// Who has which WebSocket open.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    peers: HashMap<Key, Peer>,
}

#[derive(Debug)]
enum Peer {
    /// On the chat, nameless until it has joined.
    Chatting(Option<String>),
    Echoing,
}

/// What a page says.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Join(String),
    Say(String),
}

/// What the pages are told.
#[derive(Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum Told<'a> {
    /// To who has joined: the name it has, and who else is there.
    Welcome {
        name: &'a str,
        others: Vec<&'a str>,
    },
    Joined {
        name: &'a str,
    },
    Said {
        name: &'a str,
        text: &'a str,
    },
    Left {
        name: &'a str,
    },
}

impl Site for Chat {
    const SOCKETS: &'static [&'static str] = &[CHAT, ECHO];

    fn opened(&mut self, who: Key, path: &'static str, _: &mut Outbox) {
        let peer = match path {
            ECHO => Peer::Echoing,
            _ => Peer::Chatting(None),
        };
        self.peers.insert(who, peer);
    }

    fn heard(&mut self, who: Key, message: Message, outbox: &mut Outbox) {
        match (self.peers.get(&who), &message) {
            (Some(Peer::Echoing), _) => outbox.send(who, message),
            (Some(Peer::Chatting(_)), Message::Text(text)) => {
                // What is no JSON of the page's is from no page of ours.
                if let Ok(said) = serde_json::from_str(text) {
                    self.take(who, said, outbox);
                }
            }
            _ => {}
        }
    }

    fn left(&mut self, who: Key, outbox: &mut Outbox) {
        if let Some(Peer::Chatting(Some(name))) = self.peers.remove(&who) {
            self.tell_all(&Told::Left { name: &name }, outbox);
        }
    }
}

impl Chat {
    fn take(&mut self, who: Key, said: Said, outbox: &mut Outbox) {
        match (self.name_of(who), said) {
            (None, Said::Join(name)) => self.join(who, &name, outbox),
            (Some(name), Said::Say(text)) => {
                let text = shortened(&text, TEXT_CHARS_MAX);
                if !text.is_empty() {
                    self.tell_all(&Told::Said { name, text }, outbox);
                }
            }
            _ => {}
        }
    }

    fn join(&mut self, who: Key, wanted: &str, outbox: &mut Outbox) {
        let name = self.free_name(shortened(wanted, NAME_CHARS_MAX));
        self.tell_all(&Told::Joined { name: &name }, outbox);
        let mut others: Vec<_> = self.names().collect();
        others.sort_unstable();
        let name_told = &name;
        let welcome = Told::Welcome {
            name: name_told,
            others,
        };
        outbox.send(who, text_of(&welcome));
        self.peers.insert(who, Peer::Chatting(Some(name)));
    }

    /// The name, with a number if somebody has it.
    fn free_name(&self, wanted: &str) -> String {
        let wanted = if wanted.is_empty() { "guest" } else { wanted };
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        let taken: HashSet<_> = self.names().collect();
        names
            .find(|name| !taken.contains(name.as_str()))
            .unwrap_or_default()
    }

    fn name_of(&self, who: Key) -> Option<&str> {
        self.peers.get(&who).and_then(Peer::name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.peers.values().filter_map(Peer::name)
    }

    /// Tells all who have joined.
    fn tell_all(&self, told: &Told<'_>, outbox: &mut Outbox) {
        let message = text_of(told);
        for (who, peer) in &self.peers {
            if peer.name().is_some() {
                outbox.send(*who, message.clone());
            }
        }
    }
}

impl Peer {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Chatting(name) => name.as_deref(),
            Self::Echoing => None,
        }
    }
}

fn text_of(told: &Told<'_>) -> Message {
    // Texts serialize always.
    Message::text(serde_json::to_string(told).unwrap_or_default())
}

/// At most `most` characters, without the space around them.
fn shortened(text: &str, most: usize) -> &str {
    let text = text.trim();
    let end = text.char_indices().nth(most);
    end.map_or(text, |(end, _)| &text[..end])
}

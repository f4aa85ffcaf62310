//! From a request to its answer.

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming as Body},
    header::{self, HeaderName, HeaderValue},
};

use super::{
    Client, Site,
    asset::Asset,
    origin::is_private,
    upgrade::{self, Transport},
};

pub(super) type Answer = Response<Full<Bytes>>;

/// What a page from this server may do in a browser: only what it brings along, and connect to chat servers.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; \
     img-src 'self' data: blob:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

/// Answers a request. Nothing here waits.
pub(super) fn answer<T: Transport>(site: &Site, client: Client, request: Request<Body>) -> Answer {
    let method = request.method().clone();
    let mut answer = route::<T>(site, client, request);
    protect(answer.headers_mut());
    if method == Method::HEAD {
        let length = hyper::body::Body::size_hint(answer.body()).exact().unwrap_or(0);
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        *answer.body_mut() = Full::default();
    }
    answer
}

fn route<T: Transport>(site: &Site, client: Client, request: Request<Body>) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        // There may be a body behind the head; closing saves reading it.
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return answer;
    }
    match request.uri().path() {
        "/ws" => upgrade::answer::<T>(site, client, request),
        "/health" => fresh("application/json", "{\"status\":\"ok\"}\n".into()),
        "/metrics" => metrics(site, client, request.headers()),
        path => match room_link(path) {
            Some(link) => {
                let mut answer = plain(StatusCode::FOUND, "");
                set(answer.headers_mut(), header::LOCATION, &link);
                answer
            }
            None => file(site, path, request.headers()),
        },
    }
}

/// The metrics name nobody, but they are the operator's: they are told on private addresses only, and not through a
/// proxy, which would pass on anybody's question.
fn metrics(site: &Site, client: Client, headers: &HeaderMap) -> Answer {
    let relayed = ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
    if relayed || !is_private(client.peer.ip()) {
        return plain(StatusCode::FORBIDDEN, "Metrics are for the neighbourhood of this server only\n");
    }
    let mut text = (site.metrics)();
    text.push_str("# HELP salotto_http_connections HTTP connections open now.\n");
    text.push_str("# TYPE salotto_http_connections gauge\n");
    text.push_str(&format!("salotto_http_connections {}\n", site.http_permits.in_use()));
    fresh("text/plain; version=0.0.4; charset=utf-8", text)
}

fn file(site: &Site, path: &str, headers: &HeaderMap) -> Answer {
    let Some(path) = decode(path) else { return plain(StatusCode::BAD_REQUEST, "Bad path\n") };
    let name = match path.as_str() {
        "/" => "index.html",
        path => path.strip_prefix('/').unwrap_or(path),
    };
    match site.assets.find(name) {
        Some(asset) => send(asset, headers),
        None => plain(StatusCode::NOT_FOUND, "Not found\n"),
    }
}

/// Where an address that people pass on leads to: `/r/lobby` and `/s/server/lobby` to the room in the web client,
/// which names rooms behind the `#`. The link is relative, so that it works below any prefix of a proxy.
fn room_link(path: &str) -> Option<String> {
    let mut parts = path.strip_prefix('/')?.split('/');
    let room = match parts.next()? {
        "r" => parts.next(),
        "s" => parts.nth(1),
        _ => return None,
    };
    let room = room.unwrap_or_default();
    let bare = room.strip_prefix("%23").unwrap_or(room);
    let up = "../".repeat(path.matches('/').count() - 1);
    Some(format!("{}#/{bare}", if up.is_empty() { "./" } else { up.as_str() }))
}

fn send(asset: &Asset, headers: &HeaderMap) -> Answer {
    let variant = asset.variant(accepts_gzip(headers));
    let cache = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == variant.etag);

    let mut answer = if known {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        let mut answer = Response::new(Full::new(variant.bytes.clone()));
        set(answer.headers_mut(), header::CONTENT_TYPE, &asset.content_type);
        if let Some(encoding) = variant.encoding {
            set(answer.headers_mut(), header::CONTENT_ENCODING, encoding);
        }
        answer
    };
    let out = answer.headers_mut();
    set(out, header::CACHE_CONTROL, cache);
    set(out, header::ETAG, &variant.etag);
    if asset.varies() {
        set(out, header::VARY, "Accept-Encoding");
    }
    answer
}

/// RFC 9110 section 12.5.3, as far as it is used: gzip is named, and not with a weight of nothing.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let refused = parts.any(|part| {
                part.strip_prefix("q=")
                    .is_some_and(|weight| weight.parse().is_ok_and(|weight: f32| weight <= 0.0))
            });
            gzip && !refused
        })
}

/// Resolves percent-encoding; none for what is not UTF-8 then.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// A short text, as an answer with this status.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    set(answer.headers_mut(), header::CONTENT_TYPE, "text/plain; charset=utf-8");
    set(answer.headers_mut(), header::CACHE_CONTROL, "no-store");
    answer
}

fn fresh(content_type: &str, text: String) -> Answer {
    let mut answer = plain(StatusCode::OK, text);
    set(answer.headers_mut(), header::CONTENT_TYPE, content_type);
    answer
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_resolved_once_and_bad_encoding_refused() {
        assert_eq!(decode("/a%20b/%C3%A8").as_deref(), Some("/a b/è"));
        assert_eq!(decode("/%252e").as_deref(), Some("/%2e"));
        for bad in ["/%", "/%4", "/%zz", "/%ff", "/%+1"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn links_to_rooms_lead_into_the_web_client() {
        for (path, link) in [
            ("/r/lobby", Some("../#/lobby")),
            ("/r/%23lobby", Some("../#/lobby")),
            ("/r/@anna", Some("../#/@anna")),
            ("/r/caff%C3%A8", Some("../#/caff%C3%A8")),
            ("/r", Some("./#/")),
            ("/r/", Some("../#/")),
            ("/r//example.org", Some("../../#/")),
            ("/s/chat.example.org", Some("../#/")),
            ("/s/chat.example.org/lobby", Some("../../#/lobby")),
            ("/s/chat.example.org/%23lobby/a1b2", Some("../../../#/lobby")),
            ("/room", None),
            ("/", None),
        ] {
            assert_eq!(room_link(path).as_deref(), link, "{path}");
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_name_it() {
        for (value, expected) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
    }
}

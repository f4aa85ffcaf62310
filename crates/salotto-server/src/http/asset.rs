//! The web client's files, as they were built into the program.

use std::{borrow::Cow, collections::BTreeMap, io::Write, sync::OnceLock};

use flate2::{Compression, write::GzEncoder};
use hyper::body::Bytes;

#[derive(rust_embed::Embed)]
#[folder = "../../web/dist"]
struct Dist;

/// Every file, by its path without the leading slash. Nothing else can be asked for.
pub(super) struct Assets {
    files: BTreeMap<String, Asset>,
}

/// One file.
pub(super) struct Asset {
    pub(super) content_type: String,
    /// Whether the name changes with the content, so that a copy never gets stale.
    pub(super) immutable: bool,
    plain: Variant,
    packable: bool,
    packed: OnceLock<Option<Variant>>,
}

/// A file's bytes in one encoding.
#[derive(Clone)]
pub(super) struct Variant {
    pub(super) bytes: Bytes,
    /// A strong entity tag, with its quotes.
    pub(super) etag: String,
    /// The value of `Content-Encoding`.
    pub(super) encoding: Option<&'static str>,
}

impl Assets {
    /// The files of `web/dist` at the time of the build.
    pub(super) fn embedded() -> Self {
        Self::new(Dist::iter().filter_map(|path| {
            let bytes = match Dist::get(&path)?.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            };
            Some((path.into_owned(), bytes))
        }))
    }

    pub(super) fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let files = files.into_iter().map(|(path, bytes)| {
            let asset = Asset::new(&path, bytes);
            (path, asset)
        });
        Self { files: files.collect() }
    }

    /// The file at this path, which has no leading slash.
    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        self.files.get(path)
    }
}

impl Asset {
    fn new(path: &str, bytes: Bytes) -> Self {
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        let is_text = mime.type_() == "text"
            || matches!(mime.subtype().as_str(), "javascript" | "json" | "xml")
            || mime.suffix().is_some_and(|suffix| suffix == "json" || suffix == "xml");
        let mut content_type = mime.essence_str().to_owned();
        if mime.type_() == "text" {
            content_type.push_str("; charset=utf-8");
        }
        Self {
            content_type,
            // Vite puts what it names by content, and only that, into `assets`.
            immutable: path.starts_with("assets/"),
            plain: Variant { etag: etag(&bytes), bytes, encoding: None },
            packable: is_text,
            packed: OnceLock::new(),
        }
    }

    /// The bytes for a client that understands gzip, or not.
    pub(super) fn variant(&self, gzip: bool) -> &Variant {
        let packed = (gzip && self.packable)
            .then(|| self.packed.get_or_init(|| pack(&self.plain.bytes)).as_ref())
            .flatten();
        packed.unwrap_or(&self.plain)
    }

    /// Whether the answer depends on what the client understands.
    pub(super) fn varies(&self) -> bool {
        self.packable
    }
}

/// Packs the bytes, when that saves anything.
fn pack(bytes: &Bytes) -> Option<Variant> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory does not fail; if it did, the plain bytes serve as well.
    encoder.write_all(bytes).ok()?;
    let packed = Bytes::from(encoder.finish().ok()?);
    (packed.len() < bytes.len()).then(|| Variant {
        etag: etag(&packed),
        bytes: packed,
        encoding: Some("gzip"),
    })
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &blake3::hash(bytes).to_hex()[..32])
}

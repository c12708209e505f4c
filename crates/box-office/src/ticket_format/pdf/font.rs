//! One face of a document: measures text, notes which signs occur, embeds those alone (a CID font with
//! identity encoding, ISO 32000 9.7).

use std::collections::BTreeMap;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Finish, Name, Pdf, Rect, Ref, Str};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, GlyphId, MetadataProvider};
use subsetter::GlyphRemapper;

use super::super::FormatError;

/// What signs are addressed by: their number in the font.
const IDENTITY: SystemInfo<'_> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
/// PDF measures glyphs in thousandths of the size.
const GLYPH_UNITS: f32 = 1_000.0;
/// Shown for a sign that the face does not have.
const MISSING: char = '?';

/// A face and the signs used so far.
pub(super) struct Face {
    name: &'static str,
    data: &'static [u8],
    font: FontRef<'static>,
    remapper: GlyphRemapper,
    /// By the number in the embedded font: the sign and its width in thousandths.
    used: BTreeMap<u16, (char, f32)>,
}

impl Face {
    /// For running text.
    pub(super) fn regular() -> Result<Self, FormatError> {
        Self::new("SGTKTA+DejaVuSans", dejavu::sans::regular())
    }

    /// For what matters most.
    pub(super) fn bold() -> Result<Self, FormatError> {
        Self::new("SGTKTB+DejaVuSans-Bold", dejavu::sans::bold())
    }

    fn new(name: &'static str, data: &'static [u8]) -> Result<Self, FormatError> {
        let font = FontRef::new(data).map_err(|error| FormatError(error.to_string()))?;
        let (remapper, used) = (GlyphRemapper::new(), BTreeMap::new());
        Ok(Self { name, data, font, remapper, used })
    }

    /// The text in lines that fit `width` points; what is left after `lines_max` is cut.
    pub(super) fn lines(&self, text: &str, size: f32, width: f32, lines_max: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let line = lines.last_mut().expect("there is always one");
            let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&joined, size) <= width {
                *line = joined;
                continue;
            }
            if !line.is_empty() {
                lines.push(String::new());
            }
            self.break_word(word, size, width, &mut lines);
        }
        lines.truncate(lines_max);
        lines
    }

    fn break_word(&self, word: &str, size: f32, width: f32, lines: &mut Vec<String>) {
        let mut used = 0.0;
        for sign in word.chars() {
            let wide = self.advance(sign) * size / GLYPH_UNITS;
            if used + wide > width {
                lines.push(String::new());
                used = 0.0;
            }
            lines.last_mut().expect("there is always one").push(sign);
            used += wide;
        }
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|sign| self.advance(sign)).sum::<f32>() * size / GLYPH_UNITS
    }

    /// Width of a sign in thousandths of the size.
    fn advance(&self, sign: char) -> f32 {
        let metrics = self.font.glyph_metrics(Size::unscaled(), LocationRef::default());
        metrics.advance_width(self.glyph(sign)).unwrap_or(0.0) * self.scale()
    }

    fn glyph(&self, sign: char) -> GlyphId {
        let known = |sign| self.font.charmap().map(sign);
        known(sign).or_else(|| known(MISSING)).unwrap_or(GlyphId::NOTDEF)
    }

    fn scale(&self) -> f32 {
        let metrics = self.font.metrics(Size::unscaled(), LocationRef::default());
        GLYPH_UNITS / f32::from(metrics.units_per_em.max(1))
    }

    /// The text as the document's content has it; its signs will be embedded.
    pub(super) fn encode(&mut self, text: &str) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(text.len() * 2);
        for sign in text.chars() {
            let glyph = u16::try_from(self.glyph(sign).to_u32()).unwrap_or(0);
            let number = self.remapper.remap(glyph);
            let width = self.advance(sign);
            self.used.entry(number).or_insert((sign, width));
            encoded.extend_from_slice(&number.to_be_bytes());
        }
        encoded
    }

    /// Writes the font with the signs that were used as object `id`.
    pub(super) fn embed(
        &self,
        document: &mut Pdf,
        id: Ref,
        mut next: impl FnMut() -> Ref,
    ) -> Result<(), FormatError> {
        let subset = subsetter::subset(self.data, 0, &self.remapper);
        let subset = subset.map_err(|error| FormatError(error.to_string()))?;
        let (cid, descriptor, unicode, file) = (next(), next(), next(), next());
        let name = Name(self.name.as_bytes());
        let mut font = document.type0_font(id);
        font.base_font(name).encoding_predefined(Name(b"Identity-H"));
        font.descendant_font(cid).to_unicode(unicode);
        font.finish();
        let mut widths = document.cid_font(cid);
        widths.subtype(CidFontType::Type2).base_font(name).system_info(IDENTITY);
        widths.font_descriptor(descriptor).cid_to_gid_map_predefined(Name(b"Identity"));
        let mut each = widths.widths();
        for (number, (_, width)) in &self.used {
            each.consecutive(*number, [*width]);
        }
        each.finish();
        widths.finish();
        self.describe(document, descriptor, file);
        document.cmap(unicode, &self.to_unicode());
        document.stream(file, &subset);
        Ok(())
    }

    fn describe(&self, document: &mut Pdf, id: Ref, file: Ref) {
        let (metrics, scale) =
            (self.font.metrics(Size::unscaled(), LocationRef::default()), self.scale());
        let bounds = metrics.bounds.unwrap_or_default();
        let bounds = Rect::new(
            bounds.x_min * scale,
            bounds.y_min * scale,
            bounds.x_max * scale,
            bounds.y_max * scale,
        );
        let mut about = document.font_descriptor(id);
        about.name(Name(self.name.as_bytes())).flags(FontFlags::NON_SYMBOLIC).bbox(bounds);
        about.italic_angle(0.0).ascent(metrics.ascent * scale).descent(metrics.descent * scale);
        about.cap_height(metrics.cap_height.unwrap_or(metrics.ascent) * scale);
        about.stem_v(80.0).font_file2(file);
    }

    fn to_unicode(&self) -> Vec<u8> {
        let mut map = UnicodeCmap::<u16>::new(Name(b"Custom"), IDENTITY);
        for (number, (sign, _)) in &self.used {
            map.pair(*number, *sign);
        }
        map.finish().into_vec()
    }
}

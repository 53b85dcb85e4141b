//! Which content coding a client wants: Accept-Encoding (RFC 9110 section 12.5.3).

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, HeaderValue};

/// A coding that is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    Gzip,
    Brotli,
}

/// The weights that a client gives, in thousandths.
#[derive(Default)]
struct Weights {
    gzip: Option<u16>,
    brotli: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
}

/// The best of the codings that are on offer; brotli where both are as good. `None` when the client wants neither, or
/// rather has it as it is.
pub(super) fn best(headers: &HeaderMap, gzip: bool, brotli: bool) -> Option<Accepted> {
    let weights = read(headers);
    let weight =
        |offered: bool, own: Option<u16>| if offered { own.or(weights.others).unwrap_or(0) } else { 0 };
    let (gzip, brotli) = (weight(gzip, weights.gzip), weight(brotli, weights.brotli));
    let best = gzip.max(brotli);
    if best == 0 || weights.identity.is_some_and(|identity| identity > best) {
        return None;
    }
    Some(if brotli == best { Accepted::Brotli } else { Accepted::Gzip })
}

fn read(headers: &HeaderMap) -> Weights {
    let mut weights = Weights::default();
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    for item in lists.flat_map(|list| list.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let place = match name {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                &mut weights.gzip
            }
            name if name.eq_ignore_ascii_case("br") => &mut weights.brotli,
            name if name.eq_ignore_ascii_case("identity") => &mut weights.identity,
            "*" => &mut weights.others,
            _ => continue,
        };
        *place = Some(weight(parts));
    }
    weights
}

/// The weight among the parameters; 1 without any, 0 for one that is none.
fn weight<'p>(mut parameters: impl Iterator<Item = &'p str>) -> u16 {
    let value = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim_end().eq_ignore_ascii_case("q").then_some(value.trim_start())
    });
    let Some(value) = value else { return 1000 };
    let (whole, rest) = value.split_once('.').unwrap_or((value, ""));
    let digits = rest.len() <= 3 && rest.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{rest:0<3}").parse().unwrap_or(0);
    match whole {
        "0" if digits => thousandths,
        "1" if digits && thousandths == 0 => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(lines: &[&'static str]) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        best(&headers, true, true)
    }

    #[test]
    fn the_weight_decides_and_brotli_wins_a_tie() {
        use Accepted::{Brotli, Gzip};
        for (lines, wanted) in [
            (&["gzip, deflate, br"][..], Some(Brotli)),
            (&["gzip"], Some(Gzip)),
            (&["GZIP;Q=1.000"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["br;q=0.5, gzip;q=0.8"], Some(Gzip)),
            (&["deflate", "br;q=0.1"], Some(Brotli)),
            (&["*"], Some(Brotli)),
            (&["*;q=0.1, br;q=0"], Some(Gzip)),
            (&["gzip;q=0.5, identity"], None),
            (&["gzip;q=0.5, identity;q=0.5"], Some(Gzip)),
            (&["gzip;q=0"], None),
            (&["gzip;q=0.000"], None),
            (&["gzip;q=1.5"], None),
            (&["gzip;q=nonsense"], None),
            (&["identity"], None),
            (&["deflate, zstd"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(wants(lines), wanted, "{lines:?}");
        }
    }

    #[test]
    fn only_what_is_on_offer_is_chosen() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
        assert_eq!(best(&headers, true, false), Some(Accepted::Gzip));
        assert_eq!(best(&headers, false, true), Some(Accepted::Brotli));
        assert_eq!(best(&headers, false, false), None);
    }
}

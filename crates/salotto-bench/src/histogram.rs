//! A log-linear histogram: a place for every duration, less than one per cent wide, in a table of fixed size.

/// Each power of two is divided into this many equal places, which bounds the error at 1/128.
const PLACES_LOG2: u32 = 7;
const PLACES: u64 = 1 << PLACES_LOG2;

/// Values from `0` to `u64::MAX` fit.
const TABLE_LEN: usize = ((64 - PLACES_LOG2 + 1) as usize) << PLACES_LOG2;

/// Counts of values, mostly durations in nanoseconds.
///
/// Recording neither allocates nor fails.
#[derive(Clone)]
pub struct Histogram {
    table: Box<[u64]>,
    len: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { table: vec![0; TABLE_LEN].into_boxed_slice(), len: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.table[place(value)] += 1;
        self.len += 1;
        self.max = self.max.max(value);
    }

    /// Counts all values of another one.
    pub fn add(&mut self, other: &Self) {
        for (own, others) in self.table.iter_mut().zip(&other.table) {
            *own += others;
        }
        self.len += other.len;
        self.max = self.max.max(other.max);
    }

    /// How many values were counted.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The greatest value, exactly; zero when empty.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that the fraction `quantile` (0 to 1) of all values does not exceed, at most 1/128 too high.
    ///
    /// `None` when empty.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        let rank = ((self.len as f64 * quantile).ceil() as u64).clamp(1, self.len);
        let mut seen = 0;
        for (at, count) in self.table.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(highest_of(at).min(self.max));
            }
        }
        Some(self.max)
    }

    /// Forgets all values and keeps the table.
    pub fn clear(&mut self) {
        self.table.fill(0);
        self.len = 0;
        self.max = 0;
    }
}

#[inline]
fn place(value: u64) -> usize {
    if value < PLACES {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - PLACES_LOG2;
    (((u64::from(shift) + 1) << PLACES_LOG2) + ((value >> shift) - PLACES)) as usize
}

/// The greatest value that is counted at a place.
fn highest_of(place: usize) -> u64 {
    let place = place as u64;
    if place < PLACES {
        return place;
    }
    let shift = (place >> PLACES_LOG2) - 1;
    let lowest = (place % PLACES + PLACES) << shift;
    lowest + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place_that_contains_it() {
        let mut values = vec![0, 1, 127, 128, 129, 255, 256, u64::MAX - 1, u64::MAX];
        values.extend((0..63).flat_map(|bit| [(1u64 << bit), (1 << bit) + 1, (3 << bit) / 2]));
        for value in values {
            let at = place(value);
            assert!(at < TABLE_LEN, "{value}");
            assert!(highest_of(at) >= value, "{value}");
            assert!(at == 0 || highest_of(at - 1) < value, "{value}");
        }
    }

    #[test]
    fn quantiles_are_within_one_per_cent() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000u64 {
            histogram.record(value * 1_000);
        }
        for (quantile, exact) in [(0.5, 50_000_000.0), (0.99, 99_000_000.0), (0.999, 99_900_000.0)] {
            let found = histogram.quantile(quantile).expect("not empty") as f64;
            assert!((found / exact - 1.0).abs() < 0.01, "{quantile}: {found}");
        }
        assert_eq!(histogram.max(), 100_000_000);
        assert_eq!(histogram.len(), 100_000);
    }

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::default();
        for value in [3, 5, 5, 9] {
            histogram.record(value);
        }
        assert_eq!(histogram.quantile(0.0), Some(3));
        assert_eq!(histogram.quantile(0.5), Some(5));
        assert_eq!(histogram.quantile(1.0), Some(9));
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        histogram.record(7);
        histogram.clear();
        assert_eq!(histogram.quantile(0.5), None);
        assert_eq!(histogram.max(), 0);
    }
}

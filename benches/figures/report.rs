//! A table of figures, each beside its limit.

use serde::Serialize;

/// What was measured several times.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// Of at least one measurement.
    pub fn of(measured: &[f64]) -> Self {
        let mut sorted = measured.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len() - 1;
        Self { min: sorted[0], median: sorted[last / 2], max: sorted[last] }
    }
}

/// What the ratio of ours to the raw figure is to be.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// It is stated, and judged by nobody.
    None,
}

impl Goal {
    fn is_met(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtMost(limit) => Some(ratio <= limit),
            Self::AtLeast(limit) => Some(ratio >= limit),
            Self::None => None,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    /// Of both figures.
    pub unit: &'static str,
    pub ours: Spread,
    /// What it is against, if anything.
    pub baseline: Option<(&'static str, Spread)>,
    /// Of ours to the baseline, turn by turn.
    pub ratio: Option<Spread>,
    pub goal: Goal,
}

impl Row {
    /// A row of figures that were taken by turns.
    pub fn by_turns(
        name: impl Into<String>,
        unit: &'static str,
        ours: &[f64],
        (against, raw): (&'static str, &[f64]),
        goal: Goal,
    ) -> Self {
        let ratios: Vec<_> = ours.iter().zip(raw).map(|(ours, raw)| ours / raw).collect();
        Self {
            name: name.into(),
            unit,
            ours: Spread::of(ours),
            baseline: Some((against, Spread::of(raw))),
            ratio: Some(Spread::of(&ratios)),
            goal,
        }
    }

    /// A figure that is against nothing.
    pub fn stated(name: impl Into<String>, unit: &'static str, figure: f64) -> Self {
        let (name, ours) = (name.into(), Spread::of(&[figure]));
        Self { name, unit, ours, baseline: None, ratio: None, goal: Goal::None }
    }

    fn met(&self) -> Option<bool> {
        self.goal.is_met(self.ratio?.median)
    }
}

/// The rows so far. Each is printed when it is added.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

/// A row as JSON has it.
#[derive(Serialize)]
struct JsonRow<'a> {
    name: &'a str,
    unit: &'a str,
    ours: Spread,
    baseline: Option<Spread>,
    against: Option<&'a str>,
    ratio: Option<Spread>,
    goal: Option<String>,
    met: Option<bool>,
}

impl Report {
    pub fn add(&mut self, rows: Vec<Row>) {
        for row in rows {
            if self.rows.is_empty() {
                println!("{:<44} {:>32} {:>32} {:>22}  goal", "", "ours", "raw", "ratio");
            }
            let ours = format!("{} {}", spread(row.ours), row.unit);
            let raw = row.baseline.map(|(_, raw)| spread(raw)).unwrap_or_default();
            let ratio = row.ratio.map(spread).unwrap_or_default();
            let met = match row.met() {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            println!("{:<44} {ours:>32} {raw:>32} {ratio:>22}  {} {met}", row.name, goal(row.goal));
            self.rows.push(row);
        }
    }

    /// An object a row, a line each.
    pub fn json(&self) -> String {
        let line = |row: &Row| {
            let row = JsonRow {
                name: &row.name,
                unit: row.unit,
                ours: row.ours,
                baseline: row.baseline.map(|(_, raw)| raw),
                against: row.baseline.map(|(against, _)| against),
                ratio: row.ratio,
                goal: Some(goal(row.goal)).filter(|goal| !goal.is_empty()),
                met: row.met(),
            };
            serde_json::to_string(&row).unwrap() + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}

fn goal(goal: Goal) -> String {
    match goal {
        Goal::AtMost(limit) => format!("≤ {}", (limit * 100.0).round() / 100.0),
        Goal::AtLeast(limit) => format!("≥ {limit}"),
        Goal::None => String::new(),
    }
}

/// Median, and the least and the most of it.
fn spread(Spread { min, median, max }: Spread) -> String {
    if min == max {
        return number(median);
    }
    format!("{} ({}–{})", number(median), number(min), number(max))
}

fn number(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1e6 => format!("{:.2}M", figure / 1e6),
        size if size >= 1e4 => format!("{:.0}k", figure / 1e3),
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

//! An invoice as a PDF file with one page of text.

use std::fmt::Write;

use crate::demo::stripe_sandbox::billing_records::Invoice;

/// Returns the file. Characters outside of ASCII are left blank: the file embeds no font.
pub(super) fn invoice(it: &Invoice) -> Vec<u8> {
    let amount = format!("{} {}", it.currency.to_ascii_uppercase(), it.amount_cents);
    let lines = it.lines.iter().map(|line| format!("{}: {}", line.description, line.cents));
    let text: Vec<String> = [format!("Invoice {}", it.display_number()), it.details.name.clone().unwrap_or_default()]
        .into_iter()
        .chain(lines)
        .chain([format!("Total in the smallest unit: {amount}"), "Stripe sandbox. No real money moves.".into()])
        .collect();
    file(&text)
}

fn file(lines: &[String]) -> Vec<u8> {
    let mut content = String::from("BT /F1 12 Tf 72 770 Td 18 TL");
    for line in lines {
        let line: String = line.chars().map(|char| if char.is_ascii_graphic() { char } else { ' ' }).collect();
        let line = line.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        write!(content, " ({line}) '").ok();
    }
    content += " ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut file, mut offsets) = (String::from("%PDF-1.4\n"), Vec::new());
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        writeln!(file, "{} 0 obj\n{object}\nendobj", index + 1).ok();
    }
    let (start, size) = (file.len(), objects.len() + 1);
    writeln!(file, "xref\n0 {size}\n0000000000 65535 f ").ok();
    for offset in offsets {
        writeln!(file, "{offset:010} 00000 n ").ok();
    }
    writeln!(file, "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF").ok();
    file.into_bytes()
}

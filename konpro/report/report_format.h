// The forms in which reports are printed. Each report has some of them.
#ifndef KONPRO_REPORT_REPORT_FORMAT_H_
#define KONPRO_REPORT_REPORT_FORMAT_H_

namespace konpro {

enum class ReportFormat { kTable, kJson, kMarkdown, kCsv, kTextproto, kHtml };

}  // namespace konpro

#endif  // KONPRO_REPORT_REPORT_FORMAT_H_

#include "konpro/cli/keys_command.h"

#include <string.h>

#include <cstdlib>
#include <fstream>
#include <istream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/access/api_key.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/report/account_message.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

void PrintKey(const ServiceFile& file, const ApiKeyRecord& record,
              absl::Time now, Streams streams) {
  const v1::ApiKey report = ToMessage(record, now);
  if (file.format == ReportFormat::kJson) {
    PrintJson(report, streams.out);
  } else {
    PrintKeysText({report}, streams.out);
  }
}

// The only place that prints a key's text. The message that holds it for JSON
// is wiped as far as it can be reached.
void PrintNewKey(const ServiceFile& file, const MintedKey& key, absl::Time now,
                 Streams streams) {
  if (file.format == ReportFormat::kJson) {
    v1::ApiKey report = ToMessage(key.record, now);
    report.set_key(std::string(key.secret.text().Reveal()));
    PrintJson(report, streams.out);
    explicit_bzero(report.mutable_key()->data(), report.key().size());
  } else {
    streams.out << key.secret.text().Reveal() << "\n";
    streams.err << "key " << key.record.id() << " of account "
                << key.record.account_id << ", scope "
                << ApiKeyScopeName(key.record.scope)
                << ": its text is shown this once, keep it\n";
  }
}

absl::StatusOr<std::string> ReadKeyFrom(std::istream& in) {
  // More bytes than a key has, with the blanks that may stand around it.
  char bytes[4 * ApiKeyText::kBytes];
  in.read(bytes, sizeof bytes);
  const std::string text(bytes, static_cast<size_t>(in.gcount()));
  explicit_bzero(bytes, sizeof bytes);
  if (in.bad()) return absl::UnavailableError("the key cannot be read");
  return text;
}

}  // namespace

ExitCode RunKeysCreate(const ServiceFile& file, const CreateKeyOptions& options,
                       Streams streams) {
  return WithService(file, /*create=*/true, streams,
                     [&](Service& service, absl::Time now) -> absl::Status {
                       const absl::StatusOr<MintedKey> key =
                           service.admission().CreateKey(
                               {.account_id = options.account,
                                .scope = options.scope,
                                .expires_at = options.expires_at},
                               now);
                       if (!key.ok()) return key.status();
                       PrintNewKey(file, *key, now, streams);
                       return absl::OkStatus();
                     });
}

ExitCode RunKeysList(const ServiceFile& file, const std::string& account,
                     Streams streams) {
  return WithService(
      file, /*create=*/false, streams,
      [&](Service& service, absl::Time now) -> absl::Status {
        const std::vector<ApiKeyRecord> keys = service.keys().List(account);
        if (keys.empty()) {
          const absl::Status known = service.accounts().Find(account).status();
          if (!known.ok()) return known;
        }
        v1::ApiKeys report;
        for (const ApiKeyRecord& key : keys) {
          *report.add_keys() = ToMessage(key, now);
        }
        if (file.format == ReportFormat::kJson) {
          PrintJson(report, streams.out);
        } else {
          PrintKeysText({report.keys().begin(), report.keys().end()},
                        streams.out);
        }
        return absl::OkStatus();
      });
}

ExitCode RunKeysDeactivate(const ServiceFile& file, const std::string& key,
                           Streams streams) {
  return WithService(
      file, /*create=*/false, streams,
      [&](Service& service, absl::Time now) -> absl::Status {
        const absl::StatusOr<ApiKeyId> id = ApiKeyId::Parse(key);
        if (!id.ok()) return id.status();
        absl::Status status = service.keys().Deactivate(*id, now);
        if (!status.ok()) return status;
        const absl::StatusOr<ApiKeyRecord> record = service.keys().Find(*id);
        if (!record.ok()) return record.status();
        PrintKey(file, *record, now, streams);
        return absl::OkStatus();
      });
}

ExitCode RunKeysReset(const ServiceFile& file, const ResetKeyOptions& options,
                      Streams streams) {
  return WithService(
      file, /*create=*/false, streams,
      [&](Service& service, absl::Time now) -> absl::Status {
        const absl::StatusOr<ApiKeyId> id = ApiKeyId::Parse(options.key);
        if (!id.ok()) return id.status();
        const absl::StatusOr<MintedKey> key =
            service.keys().Reset({.key = *id, .overlap = options.overlap}, now);
        if (!key.ok()) return key.status();
        PrintNewKey(file, *key, now, streams);
        return absl::OkStatus();
      });
}

absl::StatusOr<std::string> ReadKey(const WhoamiOptions& options,
                                    Streams streams) {
  if (!options.variable.empty()) {
    const char* const value = std::getenv(options.variable.c_str());
    if (value != nullptr) return std::string(value);
    return absl::InvalidArgumentError(
        absl::StrCat("environment variable ",
                     internal::Quoted(options.variable), " is not set"));
  }
  if (options.file.empty()) return ReadKeyFrom(streams.in);
  std::ifstream in(options.file, std::ios::binary);
  if (!in) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.file, ": cannot be read"));
  }
  return ReadKeyFrom(in);
}

ExitCode RunKeysWhoami(const ServiceFile& file, const WhoamiOptions& options,
                       Streams streams) {
  return WithService(
      file, /*create=*/false, streams,
      [&](Service& service, absl::Time now) -> absl::Status {
        absl::StatusOr<std::string> text = ReadKey(options, streams);
        if (!text.ok()) return text.status();
        const Authentication who = service.keys().Authenticate(
            ApiKeyText(absl::StripAsciiWhitespace(*text)),
            UnixNanos::FromTime(now));
        explicit_bzero(text->data(), text->size());
        if (!who.ok()) {
          return absl::UnauthenticatedError(absl::StrCat(
              "the key is refused: it is ", ApiKeyVerdictName(who.verdict())));
        }
        const absl::StatusOr<ApiKeyRecord> record =
            service.keys().Find(who.key_id());
        if (!record.ok()) return record.status();
        if (file.format != ReportFormat::kJson) {
          streams.out << "account " << record->account_id << "\n";
        }
        PrintKey(file, *record, now, streams);
        return absl::OkStatus();
      });
}

}  // namespace konpro::cli

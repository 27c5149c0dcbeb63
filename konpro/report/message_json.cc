#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "konpro/report/report_message.h"

namespace konpro {

void PrintJson(const google::protobuf::Message& message, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  // Through serialized bytes: their order is certain, that of a map is not.
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  constexpr char kPrefix[] = "type";
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const std::unique_ptr<google::protobuf::util::TypeResolver> types(
      google::protobuf::util::NewTypeResolverForDescriptorPool(
          kPrefix, type.file()->pool()));
  std::string json;
  // Fails only for messages of unknown types, and this one is known.
  (void)google::protobuf::util::BinaryToJsonString(
      types.get(), absl::StrCat(kPrefix, "/", type.full_name()), bytes, &json,
      options);
  out << json;
}

}  // namespace konpro

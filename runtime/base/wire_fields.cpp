#include "runtime/base/wire_fields.hpp"

#include <cstdint>
#include <limits>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

namespace troupe {

bool has_at_most_fields(std::string_view bytes, std::size_t fields_max) {
  using google::protobuf::internal::WireFormatLite;
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return false;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  for (std::size_t fields = 0; fields <= fields_max; ++fields) {
    const auto tag = in.ReadTag();
    if (tag == 0) return in.ConsumedEntireMessage();
    if (!WireFormatLite::SkipField(&in, tag)) return false;
  }
  return false;
}

}  // namespace troupe

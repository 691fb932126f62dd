#include "actors/link/actor_codec.hpp"

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/detail/dynamic_message_data.hpp>
#include <caf/error.hpp>
#include <caf/make_counted.hpp>
#include <caf/make_message.hpp>
#include <caf/make_type_erased_value.hpp>
#include <caf/system_messages.hpp>
#include <caf/type_erased_value.hpp>
#include <caf/type_nr.hpp>
#include <caf/uniform_type_info_map.hpp>

#include "actors/messages/error.hpp"
#include "runtime/link/wire_bytes.hpp"

namespace troupe {

namespace {

using caf::type_nr;

template <class Integer>
void append(std::vector<char>& to, Integer value) {
  char bytes[sizeof(Integer)];
  write_le(bytes, value);
  to.insert(to.end(), bytes, bytes + sizeof(Integer));
}

template <class Integer>
bool take(std::string_view& from, Integer& value) {
  if (from.size() < sizeof(Integer)) return false;
  value = read_le<Integer>(from.data());
  from.remove_prefix(sizeof(Integer));
  return true;
}

bool take_text(std::string_view& from, std::size_t size, std::string_view& text) {
  if (from.size() < size) return false;
  text = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

constexpr bool is_floating(std::uint16_t nr) {
  return nr == type_nr<float>::value || nr == type_nr<double>::value || nr == type_nr<long double>::value;
}

caf::strong_actor_ptr strong(const caf::actor_addr& a) { return caf::actor_cast<caf::strong_actor_ptr>(a); }

// ---- writing ----

struct writer {
  std::vector<char>& to;
  const caf::actor_system& system;
  handle_codec& handles;

  expected<void> content(const caf::type_erased_tuple& t, unsigned depth) {
    if (t.size() > message_elements_max || depth > message_depth_max)
      return fail(errc::invalid_argument, "a message with too many elements");
    append(to, static_cast<std::uint8_t>(t.size()));
    for (std::size_t i = 0; i < t.size(); ++i) {
      if (auto done = element(t, i, depth); !done) return done;
    }
    return {};
  }

  expected<void> element(const caf::type_erased_tuple& t, std::size_t i, unsigned depth) {
    const auto type = t.type(i);
    if (is_floating(type.first)) return fail(errc::invalid_argument, "a message with a floating-point element");
    append(to, type.first);
    if (type.first == 0) {
      const auto& name = system.types().portable_name(type);
      if (name.empty() || name.size() > 255 || name == system.types().default_type_name())
        return fail(errc::invalid_argument, "a message with an element of an unregistered type");
      append(to, static_cast<std::uint8_t>(name.size()));
      to.insert(to.end(), name.begin(), name.end());
      return named(t, i);
    }
    return value(t, i, type.first, depth);
  }

  // With its length: a receiver that reads the type otherwise is not led astray.
  expected<void> named(const caf::type_erased_tuple& t, std::size_t i) {
    const auto at = to.size();
    append(to, std::uint32_t{0});
    if (auto done = save(t, i); !done) return done;
    const auto size = to.size() - at - sizeof(std::uint32_t);
    if (size > UINT32_MAX) return fail(errc::too_large, "a value of more than 4 GiB");
    write_le(to.data() + at, static_cast<std::uint32_t>(size));
    return {};
  }

  expected<void> value(const caf::type_erased_tuple& t, std::size_t i, std::uint16_t nr, unsigned depth) {
    switch (nr) {
      case type_nr<caf::actor>::value:
        handles.write_handle(to, caf::actor_cast<caf::strong_actor_ptr>(t.get_as<caf::actor>(i)));
        return {};
      case type_nr<caf::strong_actor_ptr>::value:
        handles.write_handle(to, t.get_as<caf::strong_actor_ptr>(i));
        return {};
      case type_nr<caf::actor_addr>::value: handles.write_handle(to, strong(t.get_as<caf::actor_addr>(i))); return {};
      case type_nr<std::vector<caf::actor>>::value: {
        const auto& all = t.get_as<std::vector<caf::actor>>(i);
        append(to, static_cast<std::uint32_t>(all.size()));
        for (const auto& a : all) handles.write_handle(to, caf::actor_cast<caf::strong_actor_ptr>(a));
        return {};
      }
      case type_nr<caf::error>::value: write_error(to, t.get_as<caf::error>(i)); return {};
      case type_nr<caf::exit_msg>::value: {
        const auto& m = t.get_as<caf::exit_msg>(i);
        handles.write_handle(to, strong(m.source));
        write_error(to, m.reason);
        return {};
      }
      case type_nr<caf::down_msg>::value: {
        const auto& m = t.get_as<caf::down_msg>(i);
        handles.write_handle(to, strong(m.source));
        write_error(to, m.reason);
        return {};
      }
      case type_nr<caf::message>::value: return content(t.get_as<caf::message>(i), depth + 1);
      default: return save(t, i);
    }
  }

  expected<void> save(const caf::type_erased_tuple& t, std::size_t i) {
    try {
      caf::binary_serializer sink(nullptr, to);
      if (const auto fault = t.save(i, sink))
        return fail(errc::invalid_argument, "a message that cannot be written: " + caf::to_string(fault));
      return {};
    } catch (const std::exception& fault) {  // of an embedder's inspect
      return fail(errc::invalid_argument, std::string("a message that cannot be written: ") + fault.what());
    }
  }
};

// ---- reading ----

struct reader {
  std::string_view from;
  caf::actor_system& system;
  handle_codec& handles;

  static tl::unexpected<error> cut() { return fail(errc::corrupt, "actor message that cannot be read"); }

  expected<caf::message> content(unsigned depth) {
    std::uint8_t count = 0;
    if (!take(from, count) || count > message_elements_max || depth > message_depth_max) return cut();
    caf::detail::dynamic_message_data::elements elements;
    elements.reserve(count);
    for (std::uint8_t i = 0; i < count; ++i) {
      auto e = element(depth);
      if (!e) return tl::unexpected<error>(e.error());
      elements.push_back(std::move(*e));
    }
    auto all = caf::make_counted<caf::detail::dynamic_message_data>(std::move(elements));
    return caf::message{caf::detail::message_data::cow_ptr{std::move(all)}};
  }

  expected<caf::type_erased_value_ptr> element(unsigned depth) {
    std::uint16_t nr = 0;
    if (!take(from, nr) || nr >= caf::type_nrs || is_floating(nr)) return cut();
    if (nr != 0) return value(nr, depth);
    std::uint8_t size = 0;
    std::string_view name;
    if (!take(from, size) || !take_text(from, size, name)) return cut();
    std::uint32_t length = 0;
    std::string_view bytes;
    if (!take(from, length) || !take_text(from, length, bytes)) return cut();
    return named(std::string(name), bytes);
  }

  expected<caf::type_erased_value_ptr> named(const std::string& name, std::string_view bytes) const {
    auto made = system.types().make_value(name);
    if (!made) return fail(errc::not_implemented, "the message type " + name + " is not registered here");
    try {
      caf::binary_deserializer source(nullptr, bytes.data(), bytes.size());
      const auto fault = made->load(source);
      if (is_ours(fault) && fault.code() != static_cast<std::uint8_t>(errc::corrupt))
        return tl::unexpected<error>(from_caf(fault));  // corrupt would end the link
      if (!fault && source.remaining() == 0) return made;
    } catch (const std::exception&) {  // of an embedder's inspect
    }
    return fail(errc::not_implemented, "the message type " + name + " has another form here");
  }

  expected<caf::type_erased_value_ptr> load(caf::type_erased_value_ptr made) {
    try {
      caf::binary_deserializer source(nullptr, from.data(), from.size());
      if (made->load(source)) return cut();
      from.remove_prefix(from.size() - source.remaining());
      return made;
    } catch (const std::exception&) {  // of an embedder's inspect
      return cut();
    }
  }

  expected<caf::type_erased_value_ptr> value(std::uint16_t nr, unsigned depth) {
    caf::strong_actor_ptr handle;
    switch (nr) {
      case type_nr<caf::actor>::value:
        if (!handles.read_handle(from, handle)) return cut();
        return caf::make_type_erased_value<caf::actor>(caf::actor_cast<caf::actor>(handle));
      case type_nr<caf::strong_actor_ptr>::value:
        if (!handles.read_handle(from, handle)) return cut();
        return caf::make_type_erased_value<caf::strong_actor_ptr>(handle);
      case type_nr<caf::actor_addr>::value:
        if (!handles.read_handle(from, handle)) return cut();
        return caf::make_type_erased_value<caf::actor_addr>(caf::actor_cast<caf::actor_addr>(handle));
      case type_nr<std::vector<caf::actor>>::value: return handle_vector();
      case type_nr<caf::error>::value: {
        caf::error e;
        if (!read_error(from, e)) return cut();
        return caf::make_type_erased_value<caf::error>(std::move(e));
      }
      case type_nr<caf::exit_msg>::value: return notice<caf::exit_msg>();
      case type_nr<caf::down_msg>::value: return notice<caf::down_msg>();
      case type_nr<caf::message>::value: {
        auto nested = content(depth + 1);
        if (!nested) return tl::unexpected<error>(nested.error());
        return caf::make_type_erased_value<caf::message>(std::move(*nested));
      }
      default: break;
    }
    auto made = system.types().make_value(nr);
    if (!made) return cut();
    return load(std::move(made));
  }

  template <class Notice>
  expected<caf::type_erased_value_ptr> notice() {
    caf::strong_actor_ptr handle;
    Notice m;
    if (!handles.read_handle(from, handle) || !read_error(from, m.reason)) return cut();
    m.source = caf::actor_cast<caf::actor_addr>(handle);
    return caf::make_type_erased_value<Notice>(std::move(m));
  }

  expected<caf::type_erased_value_ptr> handle_vector() {
    std::uint32_t count = 0;
    if (!take(from, count) || count > from.size()) return cut();
    std::vector<caf::actor> all;
    for (std::uint32_t i = 0; i < count; ++i) {
      caf::strong_actor_ptr handle;
      if (!handles.read_handle(from, handle)) return cut();
      all.push_back(caf::actor_cast<caf::actor>(handle));
    }
    return caf::make_type_erased_value<std::vector<caf::actor>>(std::move(all));
  }
};

}  // namespace

expected<void> write_content(std::vector<char>& to, const caf::actor_system& system,
                             const caf::type_erased_tuple& content, handle_codec& handles) {
  return writer{to, system, handles}.content(content, 0);
}

expected<caf::message> read_content(std::string_view from, caf::actor_system& system, handle_codec& handles) {
  reader in{from, system, handles};
  auto content = in.content(0);
  if (content && !in.from.empty()) return reader::cut();
  return content;
}

void write_error(std::vector<char>& to, const caf::error& e) {
  std::string context;
  if (e && !e.context().empty())
    context =
        e.context().match_elements<std::string>() ? e.context().get_as<std::string>(0) : caf::to_string(e.context());
  append(to, e ? e.code() : std::uint8_t{0});  // an empty error has no code to ask for
  append(to, e ? static_cast<std::uint64_t>(e.category()) : std::uint64_t{0});
  append(to, static_cast<std::uint32_t>(context.size()));
  to.insert(to.end(), context.begin(), context.end());
}

bool read_error(std::string_view& from, caf::error& e) {
  std::uint8_t code = 0;
  std::uint64_t category = 0;
  std::uint32_t size = 0;
  std::string_view context;
  if (!take(from, code) || !take(from, category) || !take(from, size) || !take_text(from, size, context)) return false;
  if (code == 0)
    e = caf::error();
  else if (context.empty())
    e = caf::error(code, static_cast<caf::atom_value>(category));
  else
    e = caf::error(code, static_cast<caf::atom_value>(category), caf::make_message(std::string(context)));
  return true;
}

}  // namespace troupe

// A list: chunks of at most list_chunk_bytes of elements (a longer element has a chunk of its own), in a row that has
// room in front. The ends are changed at once, places in between after a walk over the chunks.
#pragma once

#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/values/footprint.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

class list_value final : public value_object {
 public:
  explicit list_value(const value_limits& limits) noexcept : value_object(value_type::list, limits) {}

  [[nodiscard]] std::string_view encoding() const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept override { return size_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept override;
  [[nodiscard]] std::unique_ptr<value_object> clone() const override;
  void write_words(std::string& into) const override;
  [[nodiscard]] bool apply(value_edit e, const word_list& words) override;

  // Indexes are below size(); views are valid until the next change.
  [[nodiscard]] std::string_view at(std::size_t index) const noexcept;
  void push_front(std::string_view word);
  void push_back(std::string_view word);
  /// `index` up to size().
  void insert(std::size_t index, std::string_view word);
  void replace(std::size_t index, std::string_view word);
  void erase(std::size_t index);
  void keep_range(std::size_t first, std::size_t count);

  /// From `first` on, forwards or backwards, until `visit` says false or the list ends.
  using visitor = function_ref<bool(std::size_t index, std::string_view word)>;
  void visit(std::size_t first, visitor visit) const;
  void visit_back(std::size_t first, visitor visit) const;

 private:
  // Element i is the bytes from offsets[i] to the next offset, or the end.
  struct chunk {
    std::string bytes;
    std::vector<std::uint16_t> offsets;

    [[nodiscard]] std::size_t count() const noexcept { return offsets.size(); }
    [[nodiscard]] std::string_view at(std::size_t i) const noexcept;
    void insert(std::size_t i, std::string_view word);
    void erase(std::size_t first, std::size_t count);
    [[nodiscard]] std::uint64_t footprint() const noexcept { return footprint_of(bytes) + footprint_of(offsets); }
  };
  struct place {
    std::size_t chunk, index;  // in the chunk
  };

  [[nodiscard]] std::size_t chunks() const noexcept { return row_.size() - front_; }
  [[nodiscard]] place place_of(std::size_t index) const noexcept;
  [[nodiscard]] std::size_t chunk_limit() const noexcept;
  [[nodiscard]] bool takes(const chunk& c, std::string_view word) const noexcept;
  chunk& open_chunk(std::size_t at);
  void drop_chunk(std::size_t at);
  void put(chunk& c, std::size_t i, std::string_view word);
  void cut(chunk& c, std::size_t first, std::size_t count);
  void split(std::size_t at, std::size_t index);

  std::vector<chunk> row_;  // chunks from front_ on
  std::size_t front_ = 0;
  std::size_t size_ = 0;
  std::uint64_t chunks_bytes_ = 0;
};

}  // namespace troupe

// Runs one fuzz entry over its corpus without a fuzzer: every file of the directories that are named, each
// cut at every byte, each with every byte changed, and some random bytes of a fixed seed.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

constexpr std::size_t changed_bytes_max = 4096;  // of one file
constexpr int random_inputs = 2000;

void feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

void feed_variants(const std::string& input) {
  feed(input);
  for (std::size_t i = 0; i < std::min(input.size(), changed_bytes_max); ++i) {
    feed(input.substr(0, i));
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string other = input;
      other[i] = static_cast<char>(other[i] ^ change);
      feed(other);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      feed_variants(std::string(std::istreambuf_iterator<char>(file), {}));
      ++files;
    }
  }
  std::mt19937 rng(1);
  for (int i = 0; i < random_inputs; ++i) {
    std::string input(rng() % 200, '\0');
    for (char& c : input) c = static_cast<char>(rng());
    feed(input);
  }
  std::printf("%zu files of the corpus\n", files);
  return files > 0 ? 0 : 1;
}

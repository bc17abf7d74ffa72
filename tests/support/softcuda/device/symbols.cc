// SPDX-License-Identifier: Apache-2.0
#include "device/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace softcuda {
namespace {

constexpr char kTag[] = "B11cuda_shared";

std::string content_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// From addresses in the file to addresses in memory; the program is the first object of all.
std::uintptr_t load_offset() {
  std::uintptr_t offset = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::uintptr_t*>(result) = info->dlpi_addr;
        return 1;
      },
      &offset);
  return offset;
}

}  // namespace

const Symbols& Symbols::of_program() {
  static const auto* instance = new Symbols;
  return *instance;
}

Symbols::Symbols() { read(content_of("/proc/self/exe"), load_offset()); }

void Symbols::read(const std::string& file, std::uintptr_t offset) {
  ElfW(Ehdr) header;
  if (file.size() < sizeof(header) || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return;
  std::memcpy(&header, file.data(), sizeof(header));
  std::vector<ElfW(Shdr)> sections(header.e_shnum);
  std::memcpy(sections.data(), file.data() + header.e_shoff, sections.size() * sizeof(sections[0]));
  for (const ElfW(Shdr) & section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    const char* const names = file.data() + sections[section.sh_link].sh_offset;
    std::vector<ElfW(Sym)> symbols(section.sh_size / sizeof(ElfW(Sym)));
    std::memcpy(symbols.data(), file.data() + section.sh_offset, symbols.size() * sizeof(symbols[0]));
    for (const ElfW(Sym) & symbol : symbols) {
      const int type = symbol.st_info & 15;
      const std::uintptr_t address = offset + symbol.st_value;
      const char* const name = names + symbol.st_name;
      if (type == STT_FUNC && symbol.st_value != 0) functions_.emplace(address, name);
      if (type == STT_OBJECT && std::strstr(name, kTag) != nullptr) {
        shared_variables_.push_back({reinterpret_cast<std::byte*>(address), symbol.st_size});
      }
    }
  }
}

std::string Symbols::name_of(const void* function) const {
  const auto found = functions_.find(reinterpret_cast<std::uintptr_t>(function));
  if (found == functions_.end()) {
    char text[32];
    std::snprintf(text, sizeof(text), "%p", function);
    return text;
  }
  int status = 0;
  char* const plain = abi::__cxa_demangle(found->second.c_str(), nullptr, nullptr, &status);
  std::string name = plain == nullptr ? found->second : plain;
  std::free(plain);
  return name;
}

}  // namespace softcuda

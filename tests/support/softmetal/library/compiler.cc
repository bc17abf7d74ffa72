// SPDX-License-Identifier: Apache-2.0
// SOFTMETAL_* come from CMakeLists.txt: python3, clang, the translator's folder, seam.o, and where to keep what was
// made.
#include "library/compiler.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "library/hash.h"

extern char** environ;

namespace softmetal {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSource = "program_source.metal";  // what Apple's messages call it
constexpr const char* kObject = "kernels.so";

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Everything that decides what a text becomes, besides the text.
const std::string& translator_hash() {
  static const std::string& instance = *new std::string([] {
    std::vector<fs::path> files = {SOFTMETAL_SEAM};
    for (const char* folder : {"translator", "include", "include/shim", "stubs"}) {
      for (const auto& entry : fs::directory_iterator(fs::path(SOFTMETAL_MSL_DIR) / folder)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    }
    std::sort(files.begin(), files.end());
    Hash hash;
    hash.add(SOFTMETAL_CLANG);
    for (const fs::path& file : files) {
      hash.add(file.filename().string());
      hash.add(read_file(file));
    }
    return hash.text();
  }());
  return instance;
}

// Runs a command in `folder`, with its output appended to `log`.
bool run(const fs::path& folder, const std::vector<std::string>& command, std::string& log) {
  const std::string output = (folder / "output.txt").string();
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    log += command[0] + " cannot be started\n";
    return false;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  log += read_file(output);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Fills `folder` with the source and the loadable object.
bool build(const fs::path& folder, const std::string& text, const Macros& macros, std::string& log) {
  std::ofstream(folder / kSource, std::ios::binary) << text;
  std::vector<std::string> translate = {
      SOFTMETAL_PYTHON, SOFTMETAL_MSL_DIR "/translator/mslcc.py", "--clang", SOFTMETAL_CLANG, "--output", "kernels"};
  for (const auto& [name, value] : macros) {
    translate.emplace_back("-D");
    translate.push_back(name + "=" + value);
  }
  translate.emplace_back(kSource);
  if (!run(folder, translate, log)) return false;
  return run(folder,
             {SOFTMETAL_CLANG, "-shared", "-Wl,-z,defs", "-Wl,--as-needed", "-o", kObject, "kernels.checked.o",
              "kernels.fast.o", SOFTMETAL_SEAM, "-lm"},
             log);
}

// The folder that holds what the text became, made now if there is none. Empty on failure.
fs::path folder_of(const std::string& key, const std::string& text, const Macros& macros, std::string& log) {
  static int n_made = 0;  // guarded by the mutex of compile_library
  const fs::path cache = SOFTMETAL_CACHE;
  const fs::path final = cache / key;
  std::error_code ignored;
  if (fs::exists(final / kObject, ignored) && read_file(final / kSource) == text) return final;
  const fs::path temporary = cache / (key + ".new-" + std::to_string(getpid()) + "-" + std::to_string(++n_made));
  fs::create_directories(temporary, ignored);
  if (!build(temporary, text, macros, log)) {
    fs::remove_all(temporary, ignored);
    return {};
  }
  for (const auto& entry : fs::directory_iterator(temporary)) {
    const std::string name = entry.path().filename().string();
    if (name != kObject && name != kSource && name != "kernels.strict") fs::remove(entry.path(), ignored);
  }
  fs::rename(temporary, final, ignored);
  if (ignored) {  // somebody else was faster, or what is there is broken
    if (fs::exists(final / kObject) && read_file(final / kSource) == text) {
      fs::remove_all(temporary, ignored);
      return final;
    }
    return temporary;
  }
  return final;
}

// Of each kernel that has any, as the translator measured it.
std::map<std::string, unsigned long> threadgroup_bytes(const fs::path& folder) {
  std::map<std::string, unsigned long> found;
  std::ifstream file(folder / "kernels.strict");
  std::string name;
  unsigned long n_bytes = 0;
  while (file >> name >> n_bytes) found[name] = n_bytes;
  return found;
}

}  // namespace

const CompiledLibrary* compile_library(const std::string& text, const Macros& macros, std::string& error) {
  static auto* mutex = new std::mutex;
  static auto* compiled = new std::map<std::string, CompiledLibrary>;
  const std::lock_guard lock(*mutex);
  Hash hash;
  hash.add(translator_hash());
  hash.add(text);
  for (const auto& [name, value] : macros) {
    hash.add(name);
    hash.add(value);
  }
  const std::string key = hash.text();
  const auto known = compiled->find(key);
  if (known != compiled->end()) return &known->second;
  const fs::path folder = folder_of(key, text, macros, error);
  if (folder.empty()) return nullptr;
  const msl::KernelLibrary* kernels = msl::load_kernel_library((folder / kObject).string(), error);
  if (kernels == nullptr) return nullptr;
  return &compiled->emplace(key, CompiledLibrary{key, kernels, threadgroup_bytes(folder)}).first->second;
}

}  // namespace softmetal

/**
 * Where an import leads, as Node resolves it, for ESLint's layers: the resolver that its plugin brings
 * along does not know the `imports` of a package.json.
 */
const { createRequire, isBuiltin } = process.getBuiltinModule("node:module");

exports.interfaceVersion = 2;

exports.resolve = (source, file) => {
  if (isBuiltin(source)) return { found: true, path: null };
  try {
    return { found: true, path: createRequire(file).resolve(source) };
  } catch {
    return { found: false };
  }
};

/** What the architecture rules ask of a module: its imports, its uses of globals, and what a name means. */
import { posix } from "node:path";
import ts from "typescript";

export interface Violation {
  line: number;
  /** Begins with `file:line` and says what to do instead. */
  message: string;
}

/** What a finding points at. */
type Place = ts.Node | ts.FileReference;

/** A finding of a rule before it has a line. */
export interface Finding {
  node: Place;
  message: string;
}

export interface ImportUse {
  node: Place;
  /** undefined where it is computed: `import(name)`. */
  specifier: string | undefined;
  /** Nothing of it is left at run time. */
  typeOnly: boolean;
}

/** A value that no declaration of the module explains. */
export interface GlobalUse {
  name: string;
  node: ts.Node;
}

export interface Module {
  fileName: string;
  file: ts.SourceFile;
  imports: ImportUse[];
  globals: GlobalUse[];
  /** The symbol of an identifier that is used as a value, or undefined when it is free. */
  symbolOf(identifier: ts.Identifier): ts.Symbol | undefined;
}

const parsed = new Map<string, Module>();

/**
 * Parses one module on its own: without libraries and without the modules it imports, so that whatever the
 * compiler's binder cannot resolve is a global.
 * @throws SyntaxError when it is not TypeScript.
 */
export function parse(fileName: string, text: string): Module {
  const key = `${fileName}\n${text}`;
  const known = parsed.get(key);
  if (known) return known;
  const file = ts.createSourceFile(fileName, text, ts.ScriptTarget.ES2022, true);
  const program = ts.createProgram({
    rootNames: [fileName],
    options: { noLib: true, noResolve: true, allowJs: true, types: [], target: ts.ScriptTarget.ES2022 },
    host: {
      getSourceFile: (name) => (name === fileName ? file : undefined),
      fileExists: (name) => name === fileName,
      readFile: (name) => (name === fileName ? text : undefined),
      getDefaultLibFileName: () => "lib.d.ts",
      getCurrentDirectory: () => "",
      getCanonicalFileName: (name) => name,
      getNewLine: () => "\n",
      useCaseSensitiveFileNames: () => true,
      writeFile: () => {},
    },
  });
  const [error] = program.getSyntacticDiagnostics(file);
  if (error) {
    throw new SyntaxError(
      `${fileName}:${lineOf(file, error.start)} ${ts.flattenDiagnosticMessageText(error.messageText, " ")}`,
    );
  }
  const checker = program.getTypeChecker();
  const symbolOf = (identifier: ts.Identifier) => resolve(checker, identifier);
  const module: Module = {
    fileName,
    file,
    symbolOf,
    imports: importsOf(file),
    globals: globalsOf(file, symbolOf),
  };
  parsed.set(key, module);
  return module;
}

export function report(module: Module, findings: Finding[]): Violation[] {
  const found = findings.map(({ node, message }) => {
    const line = lineOf(module.file, "kind" in node ? node.getStart(module.file) : node.pos);
    return { line, message: `${module.fileName}:${line} ${message}` };
  });
  const unique = new Map(found.map((violation) => [violation.message, violation]));
  return [...unique.values()].sort((a, b) => a.line - b.line);
}

function lineOf(file: ts.SourceFile, position: number): number {
  return file.getLineAndCharacterOfPosition(position).line + 1;
}

/** Where a specifier leads, from the root of the repository: `src/hal`, `node:net`, `hal-mocks/clock`. */
export function target(fileName: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(posix.dirname(fileName), specifier) : specifier;
}

export function isBare(specifier: string): boolean {
  return !/^\.{0,2}\//.test(specifier) && specifier !== "." && specifier !== "..";
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The expression without parentheses, `as`, `satisfies` and `!`. */
export function unwrap(expression: ts.Node): ts.Node {
  let inner = expression;
  while (isWrapper(inner)) inner = inner.expression;
  return inner;
}

function isWrapper(node: ts.Node) {
  return (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isTypeAssertionExpression(node) ||
    ts.isNonNullExpression(node)
  );
}

/** The parentheses, `as`, `satisfies` and `!` around an expression, or the expression itself. */
export function wrapped(expression: ts.Node): ts.Node {
  let outer = expression;
  while (isWrapper(outer.parent)) outer = outer.parent;
  return outer;
}

/** The member that `a.b` or `a["b"]` names; undefined where it is computed. */
export function memberName(
  access: ts.PropertyAccessExpression | ts.ElementAccessExpression,
): string | undefined {
  if (ts.isPropertyAccessExpression(access)) return access.name.text;
  return ts.isStringLiteralLike(access.argumentExpression) ? access.argumentExpression.text : undefined;
}

export function isAccess(node: ts.Node): node is ts.PropertyAccessExpression | ts.ElementAccessExpression {
  return ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node);
}

/** The members that are taken of a value there; undefined when the value itself goes somewhere. */
export function membersOf(value: ts.Node): GlobalUse[] | undefined {
  const outer = wrapped(value);
  const parent = outer.parent;
  if (isAccess(parent) && parent.expression === outer) {
    const name = memberName(parent);
    return name === undefined ? undefined : [{ name, node: parent }];
  }
  if (
    ts.isVariableDeclaration(parent) &&
    parent.initializer === outer &&
    ts.isObjectBindingPattern(parent.name)
  ) {
    const members: GlobalUse[] = [];
    for (const element of parent.name.elements) {
      const key = element.propertyName ?? element.name;
      if (element.dotDotDotToken || !(ts.isIdentifier(key) || ts.isStringLiteral(key))) return undefined;
      members.push({ name: key.text, node: element });
    }
    return members;
  }
  return undefined;
}

export function isAmbient(node: ts.Node): boolean {
  for (let at = node; at; at = at.parent) {
    if (
      ts.canHaveModifiers(at) &&
      ts.getModifiers(at)?.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)
    ) {
      return true;
    }
  }
  return false;
}

function resolve(checker: ts.TypeChecker, identifier: ts.Identifier): ts.Symbol | undefined {
  const { parent } = identifier;
  const symbol =
    ts.isShorthandPropertyAssignment(parent) && parent.name === identifier
      ? checker.getShorthandAssignmentValueSymbol(parent)
      : ts.isExportSpecifier(parent)
        ? checker.getExportSpecifierLocalTargetSymbol(parent)
        : checker.getSymbolAtLocation(identifier);
  // What a module only claims to exist (`declare const process`) is a global all the same.
  return symbol?.declarations?.some((declaration) => !isAmbient(declaration)) ? symbol : undefined;
}

function importsOf(file: ts.SourceFile): ImportUse[] {
  const imports: ImportUse[] = file.typeReferenceDirectives.map((reference) => ({
    node: reference,
    specifier: reference.fileName,
    typeOnly: true,
  }));
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean) => {
    const text = specifier && ts.isStringLiteralLike(specifier) ? specifier.text : undefined;
    imports.push({ node, specifier: text, typeOnly });
  };
  walk(file, (node) => {
    if (ts.isImportDeclaration(node)) {
      // `import { type A } from "x"` still loads x: verbatimModuleSyntax leaves `import {} from "x"`.
      add(node, node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node, node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
      add(node, node.moduleReference.expression, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false);
    }
  });
  return imports;
}

function globalsOf(file: ts.SourceFile, symbolOf: Module["symbolOf"]): GlobalUse[] {
  const globals: GlobalUse[] = [];
  const add = (name: string, node: ts.Node) => {
    const members = name === "globalThis" ? membersOf(node) : undefined;
    if (members) for (const member of members) add(member.name, member.node);
    else globals.push({ name, node });
  };
  walkValues(file, (identifier) => {
    if (!symbolOf(identifier)) add(identifier.text, identifier);
  });
  return globals;
}

/** Visits each identifier that stands for a value: no types, no names of properties, no declarations. */
function walkValues(node: ts.Node, visit: (identifier: ts.Identifier) => void): void {
  if (ts.isIdentifier(node)) {
    if (isValue(node)) visit(node);
    return;
  }
  if (ts.isExpressionWithTypeArguments(node)) {
    const clause = ts.isHeritageClause(node.parent) ? node.parent : undefined;
    const erased =
      clause?.token === ts.SyntaxKind.ImplementsKeyword ||
      (clause && ts.isInterfaceDeclaration(clause.parent));
    if (!erased) walkValues(node.expression, visit);
    return;
  }
  const erased =
    ts.isTypeNode(node) ||
    (ts.isExportDeclaration(node) && (node.isTypeOnly || node.moduleSpecifier !== undefined)) ||
    (ts.isExportSpecifier(node) && node.isTypeOnly) ||
    (ts.canHaveModifiers(node) &&
      ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword));
  if (!erased) ts.forEachChild(node, (child) => walkValues(child, visit));
}

function isValue(identifier: ts.Identifier): boolean {
  const parent = identifier.parent as ts.Node & { name?: ts.Node; propertyName?: ts.Node; label?: ts.Node };
  if (ts.isExportSpecifier(parent)) return (parent.propertyName ?? parent.name) === identifier;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isQualifiedName(parent)) return parent.left === identifier;
  return parent.name !== identifier && parent.propertyName !== identifier && parent.label !== identifier;
}

/** Finds state that a module keeps for itself: what preloading into flash freezes, and what a wake cannot rebuild. */
import ts from "typescript";
import {
  type Finding,
  isAccess,
  isAmbient,
  isBare,
  type Module,
  memberName,
  unwrap,
  walk,
  wrapped,
} from "./parse";

const DATA_VIEW_SETTERS = ["Int8", "Uint8", "Int16", "Uint16", "Int32", "Uint32", "Float32", "Float64"]
  .concat(["BigInt64", "BigUint64"])
  .map((type) => `set${type}`);
const MUTATORS = new Set([
  ...["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"],
  ...["set", "add", "delete", "clear"],
  ...DATA_VIEW_SETTERS,
]);
/** Functions that write to their first argument. */
const WRITERS: Readonly<Record<string, readonly string[]>> = {
  Object: ["assign", "defineProperty", "defineProperties", "setPrototypeOf"],
  Reflect: ["set", "defineProperty", "deleteProperty", "setPrototypeOf"],
};

const KEEP =
  "preloaded modules are frozen in flash and a wake rebuilds everything: keep it in an instance, or in retained memory";

interface Write {
  node: ts.Node;
  /** What changes: a binding, or the object that the expression stands for. */
  what: ts.Node;
  how: "binding" | "object" | { method: string };
}

/** Module-level `let`, and objects of module level that something writes to. */
export function mutableState(module: Module): Finding[] {
  const writes = writesOf(module);
  return [...bindings(module, writes), ...objects(module, writes)];
}

function bindings(module: Module, writes: Write[]): Finding[] {
  const findings: Finding[] = [];
  walk(module.file, (list) => {
    if (!ts.isVariableDeclarationList(list) || list.flags & ts.NodeFlags.Const || isAmbient(list)) return;
    if (!runsOnce(list)) return;
    const word = list.flags & ts.NodeFlags.Let ? "let" : "var";
    for (const declaration of list.declarations) {
      if (isTopLevel(declaration)) {
        const name = declaration.name.getText(module.file);
        findings.push({ node: declaration, message: `module-level ${word} ${name}: make it const; ${KEEP}` });
      }
    }
  });
  for (const { what, how, node } of writes) {
    if (how !== "binding" || !ts.isIdentifier(what) || runsOnce(node)) continue;
    const declaration = module.symbolOf(what)?.valueDeclaration;
    if (declaration && isVariable(declaration) && runsOnce(declaration) && !isTopLevel(declaration)) {
      findings.push({ node, message: `${what.text} outlives the call that sets it: ${KEEP}` });
    }
  }
  return findings;
}

function objects(module: Module, writes: Write[]): Finding[] {
  return writes.flatMap((write) => {
    const problem = write.how === "binding" ? undefined : problemOf(module, write.what, write, true);
    return problem === undefined ? [] : [{ node: write.node, message: problem }];
  });
}

/** Why an object must not be written to, or undefined. */
function problemOf(module: Module, object: ts.Node, write: Write, direct: boolean): string | undefined {
  const at = unwrap(object);
  if (isAccess(at)) {
    const name = memberName(at);
    if (name === "prototype" || name === "__proto__") return prototypePatch(name);
    if (isStaticPrivate(at)) return `${at.getText(module.file)} is a written static: ${KEEP}`;
    const base = unwrap(at.expression);
    if (name === "constructor" && base.kind === ts.SyntaxKind.ThisKeyword) {
      const owner = classAround(base);
      return owner && runsOnce(owner)
        ? `this.constructor is written to, a class of module level: ${KEEP}`
        : undefined;
    }
    return problemOf(module, base, write, false);
  }
  if (at.kind === ts.SyntaxKind.ThisKeyword) {
    const callsItsOwn = direct && typeof write.how === "object";
    return callsItsOwn ? undefined : problemOfThis(at, write);
  }
  if (ts.isMetaProperty(at)) return `${at.getText(module.file)} is written to, a class: ${KEEP}`;
  if (
    ts.isCallExpression(at) &&
    /^(Object|Reflect)\.getPrototypeOf$/.test(at.expression.getText(module.file))
  ) {
    return prototypePatch("prototype");
  }
  return ts.isIdentifier(at) ? problemOfName(module, at, write, direct) : undefined;
}

function problemOfName(
  module: Module,
  name: ts.Identifier,
  write: Write,
  direct: boolean,
): string | undefined {
  const method = typeof write.how === "object" ? write.how.method : undefined;
  const symbol = module.symbolOf(name);
  if (!symbol) {
    return method === undefined
      ? `the global ${name.text} is written to: pass what you need by parameter`
      : undefined;
  }
  const declaration = symbol.valueDeclaration ?? symbol.declarations?.[0];
  if (!declaration) return undefined;

  const source = importedFrom(declaration);
  if (source !== undefined) {
    // `vector.add(a, b)` of a namespace or a class is a function's call, `queue.add(a)` is a collection's change.
    const isFunction = direct && (ts.isNamespaceImport(declaration) || /^[A-Z].*[a-z]/.test(name.text));
    if (method !== undefined && (isBare(source) || isFunction)) return undefined;
    return `${name.text} of ${source} is written to: ${KEEP}`;
  }
  if (isVariable(declaration)) {
    if (!runsOnce(declaration)) return problemOfAlias(module, declaration, write, direct);
    if (isTopLevel(declaration)) {
      if (!isConst(declaration)) return undefined; // It is reported where it is declared.
      if (method !== undefined && direct && definesMethod(declaration, method)) return undefined;
    } else if (runsOnce(write.node)) {
      return problemOfAlias(module, declaration, write, direct);
    }
    return `module-level ${name.text} is written to: build it in a function that returns it; ${KEEP}`;
  }
  if (ts.isParameter(declaration) || !runsOnce(declaration)) return undefined;
  if (ts.isClassLike(declaration)) {
    if (isInStaticInitialiser(write.node, declaration) || (method !== undefined && direct)) return undefined;
    return `a static of ${name.text} is written: ${KEEP}`;
  }
  if (method !== undefined && direct) return undefined;
  return `${name.text}, which is of module level, is written to: ${KEEP}`;
}

/** `const row = TABLE[0]` and `for (const row of TABLE)` make another name for the same thing. */
function problemOfAlias(
  module: Module,
  declaration: ts.VariableDeclaration | ts.BindingElement,
  write: Write,
  direct: boolean,
): string | undefined {
  if (!ts.isVariableDeclaration(declaration) || !isConst(declaration) || !ts.isIdentifier(declaration.name)) {
    return undefined;
  }
  const loop = declaration.parent.parent;
  const of = declaration.initializer ?? (ts.isForOfStatement(loop) ? loop.expression : undefined);
  return of && problemOf(module, of, write, direct && of === declaration.initializer);
}

function problemOfThis(node: ts.Node, write: Write): string | undefined {
  const container = thisContainer(node);
  const owner = container.parent;
  if (!owner || !runsOnce(owner)) return undefined;
  if (ts.isClassLike(owner)) {
    // A static block and a static field's initialiser run while the class is made.
    if (!hasStatic(container) || isInStaticInitialiser(write.node, owner)) return undefined;
    return `a static of ${owner.name?.text ?? "the class"} is written: ${KEEP}`;
  }
  const literal = ts.isPropertyAssignment(owner) ? owner.parent : owner;
  if (!ts.isObjectLiteralExpression(literal) || !ts.isFunctionLike(container)) return undefined;
  return `an object of module level writes to itself: make it a class; ${KEEP}`;
}

function prototypePatch(name: string): string {
  return `a ${name} is patched, which every module would see: write a function or a subclass`;
}

function writesOf(module: Module): Write[] {
  const writes: Write[] = [];
  const addTarget = (expression: ts.Node, node: ts.Node): void => {
    const to = unwrap(expression);
    if (isAccess(to)) {
      const itself = /^(prototype|__proto__)$/.test(memberName(to) ?? "") || isStaticPrivate(to);
      writes.push({ node, what: itself ? to : to.expression, how: "object" });
    } else if (ts.isIdentifier(to)) {
      writes.push({ node, what: to, how: "binding" });
    } else if (ts.isArrayLiteralExpression(to)) {
      for (const element of to.elements)
        addTarget(ts.isSpreadElement(element) ? element.expression : element, node);
    } else if (ts.isObjectLiteralExpression(to)) {
      for (const property of to.properties) {
        if (ts.isPropertyAssignment(property)) addTarget(property.initializer, node);
        else if (ts.isShorthandPropertyAssignment(property)) addTarget(property.name, node);
        else if (ts.isSpreadAssignment(property)) addTarget(property.expression, node);
      }
    } else if (ts.isBinaryExpression(to)) {
      addTarget(to.left, node); // `[x.y = default] = …`
    }
  };
  walk(module.file, (node) => {
    if (ts.isBinaryExpression(node)) {
      const { kind } = node.operatorToken;
      if (kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment)
        addTarget(node.left, node);
    } else if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
      if (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken) {
        addTarget(node.operand, node);
      }
    } else if (ts.isDeleteExpression(node)) {
      addTarget(node.expression, node);
    } else if (ts.isForOfStatement(node) || ts.isForInStatement(node)) {
      if (!ts.isVariableDeclarationList(node.initializer)) addTarget(node.initializer, node);
    } else if (ts.isCallExpression(node)) {
      const write = writeOfCall(module, node);
      if (write) writes.push(write);
    }
  });
  return writes;
}

function writeOfCall(module: Module, call: ts.CallExpression): Write | undefined {
  const callee = unwrap(call.expression);
  if (!isAccess(callee)) return undefined;
  const method = memberName(callee);
  const of = unwrap(callee.expression);
  const [first] = call.arguments;
  if (method === undefined) return undefined;
  if (ts.isIdentifier(of) && !module.symbolOf(of) && WRITERS[of.text]) {
    if (!first || !WRITERS[of.text].includes(method)) return undefined;
    return { node: call, what: first, how: "object" };
  }
  if (
    (method === "call" || method === "apply") &&
    isAccess(of) &&
    first &&
    MUTATORS.has(memberName(of) ?? "")
  ) {
    return { node: call, what: first, how: "object" };
  }
  if (MUTATORS.has(method)) return { node: call, what: of, how: { method } };
  // exec and test of a global or sticky expression keep their place in it.
  if ((method === "exec" || method === "test") && ts.isIdentifier(of)) {
    const declaration = module.symbolOf(of)?.valueDeclaration;
    const value = declaration && isVariable(declaration) && declaration.initializer;
    if (value && ts.isRegularExpressionLiteral(value) && /[gy][a-z]*$/.test(value.text)) {
      return { node: call, what: of, how: { method } };
    }
  }
  return undefined;
}

/** Whether a node runs once, when the module loads: in no function but one that is called where it stands. */
export function runsOnce(node: ts.Node): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (ts.isFunctionLike(at) && !isCalledAtOnce(at)) return false;
    if (ts.isPropertyDeclaration(at) && !hasStatic(at)) return false;
  }
  return true;
}

function isCalledAtOnce(node: ts.Node): boolean {
  if (!ts.isFunctionExpression(node) && !ts.isArrowFunction(node)) return false;
  const outer = wrapped(node);
  return ts.isCallExpression(outer.parent) && outer.parent.expression === outer;
}

/** Whether a variable is the module's own, not that of a block or function. */
function isTopLevel(declaration: ts.Node): boolean {
  const list = ts.findAncestor(declaration, ts.isVariableDeclarationList);
  if (!list) return false;
  let scope: ts.Node = ts.isVariableStatement(list.parent) ? list.parent.parent : list.parent;
  if (!(list.flags & ts.NodeFlags.BlockScoped)) {
    while (!ts.isFunctionLike(scope) && !ts.isModuleBlock(scope) && !ts.isSourceFile(scope)) {
      if (ts.isClassStaticBlockDeclaration(scope)) return false;
      scope = scope.parent;
    }
  }
  return ts.isSourceFile(scope) || ts.isModuleBlock(scope);
}

function isVariable(node: ts.Node): node is ts.VariableDeclaration | ts.BindingElement {
  return (
    (ts.isVariableDeclaration(node) && !ts.isCatchClause(node.parent)) ||
    (ts.isBindingElement(node) && ts.isVariableDeclaration(ts.walkUpBindingElementsAndPatterns(node)))
  );
}

function isConst(declaration: ts.Node): boolean {
  return (ts.getCombinedNodeFlags(declaration as ts.Declaration) & ts.NodeFlags.Constant) !== 0;
}

/** `const bits = { set(a, b) { … } }`: its `set` is no collection's. */
function definesMethod(declaration: ts.VariableDeclaration | ts.BindingElement, method: string): boolean {
  const value = declaration.initializer && unwrap(declaration.initializer);
  if (!value) return false;
  const members = ts.isObjectLiteralExpression(value)
    ? value.properties
    : ts.isClassLike(value)
      ? value.members
      : [];
  return members.some((member) => member.name && ts.isIdentifier(member.name) && member.name.text === method);
}

function importedFrom(declaration: ts.Node): string | undefined {
  const from = ts.findAncestor(
    declaration,
    (node) => ts.isImportDeclaration(node) || ts.isImportEqualsDeclaration(node),
  );
  if (!from) return undefined;
  if (ts.isImportDeclaration(from)) return (from.moduleSpecifier as ts.StringLiteral).text;
  return from.getText();
}

function hasStatic(node: ts.Node): boolean {
  if (ts.isClassStaticBlockDeclaration(node)) return true;
  return ((ts.canHaveModifiers(node) && ts.getModifiers(node)) || []).some(
    ({ kind }) => kind === ts.SyntaxKind.StaticKeyword,
  );
}

/** `x.#p` where the class around it declares `static #p`. */
function isStaticPrivate(access: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(access) || !ts.isPrivateIdentifier(access.name)) return false;
  const { text } = access.name;
  for (let owner = classAround(access); owner; owner = classAround(owner)) {
    const field = owner.members.find(
      ({ name }) => name && ts.isPrivateIdentifier(name) && name.text === text,
    );
    if (field) return hasStatic(field) && runsOnce(owner) && !isInStaticInitialiser(access, owner);
  }
  return false;
}

function classAround(node: ts.Node): ts.ClassLikeDeclaration | undefined {
  return ts.findAncestor(node.parent, ts.isClassLike);
}

/** The function, field or block whose `this` it is. */
function thisContainer(node: ts.Node): ts.Node {
  let at = node.parent;
  while (
    ts.isArrowFunction(at) ||
    !(
      ts.isFunctionLike(at) ||
      ts.isPropertyDeclaration(at) ||
      ts.isClassStaticBlockDeclaration(at) ||
      ts.isSourceFile(at)
    )
  ) {
    at = at.parent;
  }
  return at;
}

function isInStaticInitialiser(node: ts.Node, owner: ts.Node): boolean {
  for (let at = node; at && at !== owner; at = at.parent) {
    if (ts.isFunctionLike(at) && !isCalledAtOnce(at)) return false;
    if (at.parent === owner) return hasStatic(at) && !ts.isFunctionLike(at);
  }
  return false;
}

// Reading a JSON Schema as far as forms need it.

/** Reads the parts of one schema document. */
export class Schema {
  /** @param {object} root */
  constructor(root) {
    this.root = root;
  }

  /**
   * A part by its reference.
   *
   * @param {string} reference `#/$defs/Amount`
   * @returns {object}
   */
  at(reference) {
    const names = reference.replace(/^#\//, "").split("/");
    return names.reduce((part, name) => part?.[name], this.root) ?? {};
  }

  /**
   * What a part asks for, without references and without "or nothing".
   *
   * @param {object} part
   * @returns {object} with `name`, where it came from a reference
   */
  plain(part) {
    let found = part;
    let name = part.name;
    for (let steps = 0; steps < 16; steps += 1) {
      if (found.$ref) {
        name = found.$ref.split("/").pop();
        found = { ...this.at(found.$ref), ...described(found), name };
        continue;
      }
      const some = (found.oneOf ?? []).filter((one) => one.type !== "null");
      if (found.oneOf && some.length === 1) {
        found = { ...described(found), ...some[0], name };
        continue;
      }
      if (Array.isArray(found.type)) {
        const types = found.type.filter((type) => type !== "null");
        found = { ...found, type: types.length === 1 ? types[0] : types };
      }
      break;
    }
    return { ...found, name };
  }

  /**
   * What editor a part needs.
   *
   * @param {object} part as `plain` gives it
   * @returns {"kinds"|"variants"|"object"|"map"|"words"|"texts"|"list"|"choice"|"switch"|
   *   "whole"|"text"}
   */
  editor(part) {
    if (part.oneOf) return part.oneOf.every((one) => this.kind(one)) ? "kinds" : "variants";
    if (part.enum) return "choice";
    if (part.properties) return "object";
    if (part.additionalProperties) return "map";
    if (part.type === "array") {
      const item = this.plain(part.items ?? {});
      if (item.enum) return "words";
      return item.type === "string" && !item.name ? "texts" : "list";
    }
    if (part.type === "boolean") return "switch";
    if (part.type === "integer" || part.type === "number") return "whole";
    return "text";
  }

  /**
   * The word by which a variant is told from the others.
   *
   * @param {object} variant
   * @returns {string|undefined}
   */
  kind(variant) {
    return this.plain(variant).properties?.type?.enum?.[0];
  }

  /**
   * Whether a value looks like what a variant asks for.
   *
   * @param {object} variant as `plain` gives it
   * @param {any} value
   * @returns {boolean}
   */
  fits(variant, value) {
    if (variant.enum) return variant.enum.includes(value);
    if (variant.properties) return typeof value === "object" && value !== null;
    if (variant.type === "integer") return typeof value === "number";
    return typeof value === "string";
  }
}

const described = (part) => (part.description ? { description: part.description } : {});

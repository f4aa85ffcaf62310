export { authenticateChunks, base64 } from './base64';
export { fold, type CaseMapping } from './casefold';
export { ISupport } from './isupport';
export { parse, parseSource, print, type Message, type Source } from './message';
export { checkHost, checkName, parsePort, roomName, suggestName, type NameProblem } from './names';
export { byteLength, splitText, textBudget } from './split';

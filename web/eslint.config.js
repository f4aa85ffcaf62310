import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

export default ts.config(
    { ignores: ['dist', 'node_modules', 'test-results', '*.js', 'e2e/screenshot.mjs'] },
    js.configs.recommended,
    ...ts.configs.strict,
    ...svelte.configs.recommended,
    {
        languageOptions: {
            globals: { ...globals.browser },
            parserOptions: {
                project: ['./tsconfig.json', './tsconfig.node.json'],
                tsconfigRootDir: import.meta.dirname,
                extraFileExtensions: ['.svelte'],
            },
        },
        rules: {
            '@typescript-eslint/no-floating-promises': 'error',
            '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
            '@typescript-eslint/no-explicit-any': 'error',
            '@typescript-eslint/consistent-type-imports': 'error',
            '@typescript-eslint/no-non-null-assertion': 'error',
            '@typescript-eslint/no-unused-vars': [
                'error',
                {
                    ignoreRestSiblings: true,
                    argsIgnorePattern: '^_',
                    destructuredArrayIgnorePattern: '^_',
                    varsIgnorePattern: '^_$',
                },
            ],
            // The protocol is full of control characters, and they are named where they are meant.
            'no-control-regex': 'off',
            // TypeScript itself knows every name; this rule does not know types.
            'no-undef': 'off',
            'svelte/no-at-html-tags': 'error',
        },
    },
    {
        files: ['**/*.svelte', '**/*.svelte.ts'],
        languageOptions: { parserOptions: { parser: ts.parser } },
    },
    {
        // The logic without pixels knows nothing of components.
        files: ['src/lib/**/*.ts'],
        rules: {
            'no-restricted-imports': [
                'error',
                { patterns: ['$features/*', 'svelte', 'svelte/*', '**/*.svelte'] },
            ],
        },
    },
    {
        files: ['*.config.ts', 'tests/**', 'e2e/**', 'src/**/*.test.ts'],
        languageOptions: { globals: { ...globals.node } },
    },
);
